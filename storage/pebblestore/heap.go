package pebblestore

import (
	"bytes"
	"cmp"
)

// heap is a binary heap of cursors: the least key first and, of equal keys, the one
// that wins, which has the greatest version or came last.
type heap []*cursor

func (h heap) less(i, j int) bool {
	x, y := h[i], h[j]
	if x.head != y.head {
		return x.head < y.head
	}
	if c := bytes.Compare(x.key, y.key); c != 0 {
		return c < 0
	}
	return cmp.Or(cmp.Compare(versionOf(y.value), versionOf(x.value)), cmp.Compare(y.order, x.order)) < 0
}

func (h heap) init() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
}

func (h heap) down(i int) {
	for {
		least := 2*i + 1
		if least >= len(h) {
			return
		}
		if right := least + 1; right < len(h) && h.less(right, least) {
			least = right
		}
		if !h.less(least, i) {
			return
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}

// advance moves the first cursor on and puts it where it then belongs.
func (h *heap) advance() error {
	ok, err := (*h)[0].next()
	if err != nil {
		return err
	}
	if !ok {
		n := len(*h) - 1
		(*h)[0] = (*h)[n]
		(*h)[n] = nil
		*h = (*h)[:n]
	}
	h.down(0)
	return nil
}
