package store

// Check makes sure, once for each blob, that its content is what its name says: it hashes a blob
// that this Store has neither written nor checked before. What is derived from blobs and believed
// later is to be derived from checked ones.
//
// Errors: those of [Store.Verify], which removes a damaged blob.
func (s *Store) Check(sha string) error {
	s.mu.Lock()
	done := s.checked[sha]
	s.mu.Unlock()
	if done && s.Has(sha) {
		return nil
	}
	if err := s.Verify(sha); err != nil {
		return err
	}
	s.noteChecked(sha)
	return nil
}

func (s *Store) noteChecked(sha string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.checked == nil {
		s.checked = map[string]bool{}
	}
	s.checked[sha] = true
}
