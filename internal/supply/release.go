package supply

import (
	"context"
	"strings"

	"github.com/envpack/envpack/resolver/apt"
)

// releaseMemo keeps the last signed index of each suite, by its address, for work without a network.
const releaseMemo = "apt-release"

// releases is a fetcher that remembers signed indexes. They are verified by whoever asks for them,
// so that an old one is not believed more than a new one.
type releases struct {
	apt.Fetcher
	*Supply
}

func (s *Supply) aptFetcher() apt.Fetcher { return releases{s.Fetch.AptFetcher(), s} }

// Get implements apt.Fetcher.
func (r releases) Get(ctx context.Context, address string, limit int64) ([]byte, error) {
	if !strings.HasSuffix(address, "/InRelease") {
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
