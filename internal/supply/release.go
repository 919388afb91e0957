package supply

import (
	"context"
	"path"
	"slices"

	"github.com/envpack/envpack/resolver/apt"
)

// releaseMemo keeps the last signed index of each suite, and the keys that are fetched, by their addresses, for
// work without a network.
const releaseMemo = "apt-release"

// releases is a fetcher that remembers signed indexes, their signatures and keys. They are verified by whoever
// asks for them, a key by its fingerprint, so that an old one is not believed more than a new one.
type releases struct {
	apt.Fetcher
	*Supply
}

func (s *Supply) aptFetcher() apt.Fetcher { return releases{s.Fetch.AptFetcher(), s} }

// signed are the last parts of the addresses of what is signed, or signs.
var signed = []string{"InRelease", "Release", "Release.gpg"}

// Get implements apt.Fetcher.
func (r releases) Get(ctx context.Context, address string, limit int64) ([]byte, error) {
	if !slices.Contains(signed, path.Base(address)) && !r.isKey(address) {
		return r.Fetcher.Get(ctx, address, limit)
	}
	if r.Offline {
		if data, ok := r.Store.Memo(releaseMemo, address); ok {
			return data, nil
		}
	}
	data, err := r.Fetcher.Get(ctx, address, limit)
	if err != nil {
		return nil, err
	}
	return data, r.Store.PutMemo(releaseMemo, address, data)
}

func (r releases) isKey(address string) bool {
	for _, url := range r.KeyURLs {
		if url == address {
			return true
		}
	}
	return false
}
