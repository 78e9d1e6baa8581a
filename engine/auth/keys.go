package auth

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"quiver/engine/fail"
)

// watchEvery is how often the key file is looked at for changes by other processes. A
// change must take effect within a second.
const watchEvery = 250 * time.Millisecond

// Keys is the set of API keys of one data folder. Verify may be called by any number
// of goroutines, also while keys are created, revoked or changed in the file by another
// process. Close it when done.
type Keys struct {
	file    keyFile
	mu      sync.Mutex // held while the file is read or changed and state is replaced
	mark    mark       // of the file that state was read from; under mu
	state   atomic.Pointer[state]
	failure atomic.Pointer[error] // of the last look at the file; nil when it was well

	stop chan struct{}
	done chan struct{}
}

// state is what one version of the key file says; immutable.
type state struct {
	doc      document
	byPrefix map[string]*entry
	byHash   map[[sha256.Size]byte]*entry // keys of free form
	nobody   *entry                       // checked in place of an unknown key, matches nothing
}

// Info describes a key without its secret.
type Info struct {
	Name     string    `json:"name"`
	Prefix   string    `json:"prefix,omitempty"` // "" for a key of free form
	Stores   []string  `json:"stores"`           // ["*"] is all
	Services []string  `json:"services"`
	Admin    bool      `json:"admin"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"` // zero is never
}

// Open reads the keys of the data folder dir and starts to watch their file. A folder
// without a key file has no keys.
func Open(dir string) (*Keys, error) { return open(dir, watchEvery) }

func open(dir string, every time.Duration) (*Keys, error) {
	k := &Keys{file: keyFile{dir: dir}, stop: make(chan struct{}), done: make(chan struct{})}
	k.mu.Lock()
	err := k.load()
	k.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("cannot read the API keys: %w", err)
	}
	go k.watch(every)
	return k, nil
}

// Close stops watching the file and waits until that has ended. Verify goes on
// answering from what was last read.
func (k *Keys) Close() {
	close(k.stop)
	<-k.done
}

// Err returns why the key file could last not be read, nil when all is well. While it
// cannot be read the keys read before stay in force.
func (k *Keys) Err() error {
	if err := k.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// ErrUnknown is wrapped by the errors of Verify that say that there is no such key.
var ErrUnknown = errors.New("there is no such key")

// Verify returns whose key token is. It does not keep token. Its errors are
// *fail.Error with the codes NoKey, BadKeyFormat, BadSecret and Unauthenticated; their
// texts give nothing of the key away.
//
// A key that is not valid takes the same work whether or not its prefix exists.
func (k *Keys) Verify(token []byte) (Principal, error) {
	e, err := k.state.Load().find(token)
	if err != nil {
		return Principal{}, err
	}
	return e.valid()
}

// find returns the entry of a key, which may have expired.
func (s *state) find(token []byte) (*entry, error) {
	if len(token) == 0 {
		return nil, fail.Errorf(fail.NoKey, "the apikey is nil")
	}
	if len(token) > maxToken {
		return nil, refusal(false, false)
	}
	e := s.nobody
	prefix, secret, formed := split(token)
	if formed {
		if found := s.byPrefix[string(prefix)]; found != nil {
			e = found
		}
	} else {
		secret = token
	}
	if !e.matches(secret) || e == s.nobody {
		known := e != s.nobody
		if e = s.byHash[saltedSum(token, s.doc.LookupSalt)]; e == nil {
			return nil, refusal(formed, known)
		}
	}
	return e, nil
}

func refusal(formed, known bool) error {
	switch {
	case !formed:
		return fail.Wrap(fail.BadKeyFormat, ErrUnknown, "the apikey has an incorrect format")
	case !known:
		return fail.Wrap(fail.Unauthenticated, ErrUnknown, "API key not found in cache")
	default:
		return fail.Wrap(fail.BadSecret, ErrUnknown, "bad API key")
	}
}

// List returns the keys in order of their names.
func (k *Keys) List() []Info {
	doc := k.state.Load().doc
	list := make([]Info, len(doc.Keys))
	for i, r := range doc.Keys {
		list[i] = Info{
			Name: r.Name, Prefix: r.Prefix, Admin: r.Admin, Created: r.Created, Expires: r.Expires,
			Stores: slices.Clone(r.Stores), Services: slices.Clone(r.Services),
		}
	}
	slices.SortFunc(list, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Create makes a key, or registers an existing one, and returns its whole text: the
// only time it is told. The key is on disk when Create returns.
func (k *Keys) Create(o CreateOptions) (secret string, err error) {
	if err := o.check(); err != nil {
		return "", err
	}
	token := o.Import
	if token == "" {
		token = generate()
	}
	err = k.change(func(doc *document) error {
		return doc.add(o, token)
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// Revoke removes the key of that name. When it returns, this process refuses the key;
// others do within a second. No such key is a *fail.Error with code NotFound.
func (k *Keys) Revoke(name string) error {
	return k.change(func(doc *document) error {
		i := slices.IndexFunc(doc.Keys, func(r record) bool { return r.Name == name })
		if i < 0 {
			return fail.Errorf(fail.NotFound, "there is no key named %q", name)
		}
		doc.Keys = slices.Delete(doc.Keys, i, i+1)
		return nil
	})
}

// change applies edit to what the file holds now, writes it and puts it in force.
func (k *Keys) change(edit func(*document) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	unlock, err := k.file.lock()
	if err != nil {
		return fail.Wrap(fail.WriteFailed, err, "cannot change the API keys")
	}
	defer unlock()
	doc, _, err := k.file.read()
	if err != nil {
		return fail.Wrap(fail.WriteFailed, err, "cannot read the API keys before changing them")
	}
	if err := edit(&doc); err != nil {
		return err
	}
	s, err := newState(doc)
	if err != nil {
		return fail.Wrap(fail.Malformed, err, "the key file would not be valid")
	}
	m, err := k.file.write(doc)
	if err != nil {
		return fail.Wrap(fail.WriteFailed, err, "cannot write the API keys")
	}
	k.mark = m
	k.state.Store(s)
	k.failure.Store(nil)
	return nil
}

// load reads the file and puts it in force. The caller holds mu.
func (k *Keys) load() error {
	doc, m, err := k.file.read()
	k.mark = m
	if err != nil {
		return err
	}
	s, err := newState(doc)
	if err != nil {
		return err
	}
	k.state.Store(s)
	return nil
}

// watch loads the file whenever it changes, until Close.
func (k *Keys) watch(every time.Duration) {
	defer close(k.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-k.stop:
			return
		case <-tick.C:
			k.refresh()
		}
	}
}

// refresh loads the file if it is not the one in force. What cannot be read leaves the
// keys as they are, is told by Err, and is logged once.
func (k *Keys) refresh() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file.mark() == k.mark {
		return
	}
	if err := k.load(); err != nil {
		k.failure.Store(&err)
		slog.Error("cannot read the changed API keys; those read before stay in force", "err", err)
		return
	}
	k.failure.Store(nil)
}

func newState(doc document) (*state, error) {
	s := &state{
		doc:      doc,
		byPrefix: make(map[string]*entry, len(doc.Keys)),
		byHash:   map[[sha256.Size]byte]*entry{},
		nobody:   &entry{salt: strings.Repeat("0", 2*saltLen)},
	}
	names := make(map[string]bool, len(doc.Keys))
	for i := range doc.Keys {
		r := &doc.Keys[i]
		e, err := r.entry()
		if err != nil {
			return nil, err
		}
		if names[r.Name] {
			return nil, fmt.Errorf("two keys are named %q", r.Name)
		}
		names[r.Name] = true
		if r.Prefix == "" {
			if s.byHash[e.hash] != nil {
				return nil, fmt.Errorf("key %q is the same as %q", r.Name, s.byHash[e.hash].principal.Name)
			}
			s.byHash[e.hash] = e
			continue
		}
		if s.byPrefix[r.Prefix] != nil {
			return nil, fmt.Errorf("keys %q and %q have the same prefix", r.Name, s.byPrefix[r.Prefix].principal.Name)
		}
		s.byPrefix[r.Prefix] = e
	}
	return s, nil
}
