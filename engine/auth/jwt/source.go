package jwt

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Source is where an issuer's keys come from. Its methods may be called from many
// goroutines.
type Source struct {
	fetch func(context.Context) ([]byte, error) // nil: the keys never change
	now   func() time.Time
	every time.Duration // how old a set may be before it is fetched again
	retry time.Duration // between two attempts, at least
	limit time.Duration // of one attempt

	keys atomic.Pointer[fetched]

	mu      sync.Mutex
	tried   time.Time     // the last attempt; zero before the first
	running chan struct{} // closed when the attempt under way ends; nil: none is
	failure error         // of the last attempt
}

// fetched is a key set and when it was there.
type fetched struct {
	set  *keySet
	text []byte
	at   atomic.Int64 // Unix nanoseconds; it advances while the text stays the same
}

// Static returns the source of keys that never change.
func Static(jwks []byte) (*Source, error) {
	set, err := parseKeys(jwks)
	if err != nil {
		return nil, err
	}
	s := &Source{}
	s.keys.Store(&fetched{set: set})
	return s, nil
}

// FetchOptions are the times of a source that fetches. Zero fields mean the defaults.
type FetchOptions struct {
	Every   time.Duration // how old keys may be before they are fetched again; 5 minutes
	Retry   time.Duration // between two attempts, at least; 10 s
	Timeout time.Duration // of one attempt; 5 s
	Now     func() time.Time
}

// Fetched returns a source that gets its keys from fetch. It begins at once, in the
// background; that the keys' source is down is no error yet.
func Fetched(fetch func(context.Context) ([]byte, error), o FetchOptions) *Source {
	s := &Source{fetch: fetch, now: o.Now, every: o.Every, retry: o.Retry, limit: o.Timeout}
	if s.every <= 0 {
		s.every = 5 * time.Minute
	}
	if s.retry <= 0 {
		s.retry = 10 * time.Second
	}
	if s.limit <= 0 {
		s.limit = 5 * time.Second
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.refresh()
	return s
}

// current returns the keys that are there, nil before the first; old ones are fetched
// again in the background.
func (s *Source) current() *fetched {
	k := s.keys.Load()
	if s.fetch != nil && (k == nil || s.now().UnixNano()-k.at.Load() > int64(s.every)) {
		s.refresh()
	}
	return k
}

// newer waits for an attempt to get other keys than old, and returns what is there then.
// It does not wait when it is too early for another one.
func (s *Source) newer(ctx context.Context, old *fetched) *fetched {
	if s.fetch == nil {
		return old
	}
	if k := s.keys.Load(); k != old {
		return k
	}
	if running := s.refresh(); running != nil {
		select {
		case <-running:
		case <-ctx.Done():
		}
	}
	return s.keys.Load()
}

// err returns why the last attempt failed, nil if it did not.
func (s *Source) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// refresh begins an attempt unless one is under way or was made just now. The channel
// is closed when the one under way ends; nil: there is none.
func (s *Source) refresh() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return s.running
	}
	if !s.tried.IsZero() && s.now().Sub(s.tried) < s.retry {
		return nil
	}
	s.tried = s.now()
	done := make(chan struct{})
	s.running = done
	go func() {
		err := s.get()
		s.mu.Lock()
		s.running, s.failure = nil, err
		s.mu.Unlock()
		close(done)
	}()
	return done
}

// get makes one attempt. Keys that are the same as before stay the same set.
func (s *Source) get() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.limit)
	defer cancel()
	text, err := s.fetch(ctx)
	if err != nil {
		return err
	}
	k := s.keys.Load()
	if k == nil || !bytes.Equal(k.text, text) {
		set, err := parseKeys(text)
		if err != nil {
			return err
		}
		k = &fetched{set: set, text: text}
	}
	k.at.Store(s.now().UnixNano())
	s.keys.Store(k)
	return nil
}
