package trees

import (
	"bytes"
	"errors"
)

// Read reads a model in any of the formats of this package, which it tells apart by
// their first bytes.
func Read(data []byte, l Limits) (*Ensemble, error) {
	switch {
	case bytes.HasPrefix(data, []byte("tree\n")), bytes.HasPrefix(data, []byte("tree\r\n")):
		return ReadLightGBM(data, l)
	case len(bytes.TrimLeft(data, " \t\r\n")) > 0 && bytes.TrimLeft(data, " \t\r\n")[0] == '{':
		return ReadXGBoost(data, l)
	}
	return nil, errors.New("cannot read the model: it is neither XGBoost JSON or UBJSON nor LightGBM text (XGBoost's older binary format must be saved again as .json or .ubj)")
}
