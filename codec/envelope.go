package codec

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"unicode/utf8"

	"github.com/bytedance/sonic"
	"github.com/bytedance/sonic/decoder"
)

// Raw is a JSON value left as it stands in the request: it aliases the body and dies
// with it. nil means the field was absent; "null" stays "null".
type Raw = sonic.NoCopyRawMessage

// ErrJSON marks a body that is not valid JSON.
var ErrJSON = errors.New("invalid JSON")

var envelopes = sync.Pool{New: func() any {
	d := decoder.NewDecoder("")
	d.SetOptions(decoder.OptionValidateString | decoder.OptionCaseSensitive)
	return d
}}

// DecodeEnvelope decodes the top level of a request body into v, a pointer to a
// struct whose fields are Raw, without copying or allocating. Unknown fields are
// skipped and names are matched exactly. It fails with ErrJSON when the body is not
// one JSON value in valid UTF-8. Values in Raw fields were only skipped over: scan
// them with a Scanner before trusting them.
func DecodeEnvelope(body []byte, v any) error {
	if !utf8.Valid(body) {
		return fmt.Errorf("%w: not UTF-8", ErrJSON)
	}
	d := envelopes.Get().(*decoder.Decoder)
	d.Reset(b2s(body))
	err := d.Decode(v)
	if err == nil {
		err = d.CheckTrailings()
	}
	d.Reset("")
	envelopes.Put(d)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrJSON, describe(err))
	}
	return nil
}

// describe keeps sonic's message to one line without the excerpt of the input.
func describe(err error) string {
	var syntax decoder.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("%s at byte %d", syntax.Message(), syntax.Pos)
	}
	var mismatch *decoder.MismatchTypeError
	if errors.As(err, &mismatch) {
		return fmt.Sprintf("a value of the wrong kind at byte %d", mismatch.Pos)
	}
	return "malformed"
}

// Prepare compiles the decoder of the struct types that DecodeEnvelope will be given
// (as values), so that the first request does not pay for it.
func Prepare(values ...any) error {
	for _, v := range values {
		if err := sonic.Pretouch(reflect.TypeOf(v)); err != nil {
			return fmt.Errorf("cannot prepare a decoder: %w", err)
		}
	}
	return nil
}
