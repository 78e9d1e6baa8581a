package storage

import "fmt"

// Limits every store keeps, in bytes.
const (
	// MaxKey bounds Route and Suffix of one key together.
	MaxKey = 32 << 10
	// MaxRow bounds one row.
	MaxRow = 32 << 20
)

// Check tells whether every store accepts w. Stores call it before they change
// anything.
func (w *Write) Check() error {
	if n := len(w.Route) + len(w.Suffix); n > MaxKey {
		return fmt.Errorf("%w: key of table %d has %d bytes, at most %d are allowed", ErrInvalid, w.Table, n, MaxKey)
	}
	if len(w.Row) > MaxRow && !w.Delete {
		return fmt.Errorf("%w: row of table %d has %d bytes, at most %d are allowed", ErrInvalid, w.Table, len(w.Row), MaxRow)
	}
	if w.Version > MaxVersion {
		return fmt.Errorf("%w: version %d of table %d is above the greatest, %d", ErrInvalid, w.Version, w.Table, MaxVersion)
	}
	return nil
}

// CheckAll is Check for every one of ws.
func CheckAll(ws []Write) error {
	for i := range ws {
		if err := ws[i].Check(); err != nil {
			return err
		}
	}
	return nil
}
