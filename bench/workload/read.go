package workload

import (
	"context"
	"fmt"
	"strconv"

	"quiver/engine"
	"quiver/engine/auth"
)

// readAtOnce is how many vectors ReadAll asks for at a time.
const readAtOnce = 500

// ReadAll reads every vector of the table once, which fills the caches in its way. It
// is an error if one is not complete.
func (t *Table) ReadAll(ctx context.Context, e *engine.Engine) error {
	r := NewReader(e, t.View)
	keys := make([]uint32, 0, readAtOnce)
	for i := uint32(0); i < t.Rows; {
		keys = keys[:0]
		for ; i < t.Rows && len(keys) < readAtOnce; i++ {
			keys = append(keys, i)
		}
		if err := r.Read(ctx, keys); err != nil {
			return fmt.Errorf("cannot read table %s: %w", t.View, err)
		}
	}
	return nil
}

// Reader reads vectors of a view from an engine in this process, as a dialect does but
// without its JSON. It belongs to one goroutine and allocates nothing once warm.
type Reader struct {
	e           *engine.Engine
	store, view []byte
	key         []byte
	tokens      []byte
	query       engine.Query
	vectors     engine.Vectors
	out         []byte
}

// NewReader returns a reader of version 1 of a view in Store.
func NewReader(e *engine.Engine, view string) *Reader {
	return &Reader{e: e, store: []byte(Store), view: []byte(view), key: []byte(Key)}
}

// Read reads the vectors of some keys and renders them. It is an error if one is not
// complete.
func (r *Reader) Read(ctx context.Context, keys []uint32) error {
	r.query.Reset()
	r.vectors.Reset()
	r.out, r.tokens = r.out[:0], r.tokens[:0]
	if err := r.e.Open(&r.query, auth.All(), r.store, r.view, 1); err != nil {
		return err
	}
	for _, k := range keys {
		start := len(r.tokens)
		r.tokens = strconv.AppendUint(r.tokens, uint64(k), 10)
		r.query.NewEntry()
		r.query.Key(r.key, r.tokens[start:])
		r.query.EndEntry()
	}
	if err := r.e.Read(ctx, &r.query, &r.vectors); err != nil {
		return err
	}
	for i := range r.vectors.Len() {
		if s := r.vectors.Status(i); s != engine.Complete {
			return fmt.Errorf("the vector of key %d is not complete", keys[i])
		}
		r.out = r.vectors.AppendVector(r.out, i)
	}
	return nil
}

// Size is the length of what the last Read rendered, in bytes.
func (r *Reader) Size() int { return len(r.out) }
