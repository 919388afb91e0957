package supply

import "testing"

func TestWithoutSecrets(t *testing.T) {
	for in, want := range map[string]string{
		"fatal: unable to access 'https://u:secret@git.example/team/':\nno answer": "fatal: unable to access 'https://git.example/team/': no answer",
		"fatal: https://u:secret@git.example: not found":                           "fatal: https://git.example: not found",
		"remote: see https://git.example/help?token=secret.":                       "remote: see https://git.example/help?....",
		"fatal: 'https://u:se%zzcret@git.example/'":                                "fatal: 'an address that is no URL'",
	} {
		if got := withoutSecrets(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
