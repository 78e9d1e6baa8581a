package catalog

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"quiver/codec"
)

// PredictionEndpoint is an endpoint that answers with what a model says of a record
// (Dataiku contract, sections 5 to 8). Names of tasks and methods are as written: what
// they mean, whoever compiles the endpoint knows.
type PredictionEndpoint struct {
	Model     Attachment
	Task      string
	Classes   []string // labels; nil: the model's own
	Threshold float64  // of the second of two classes; 0: the default
	Features  []ModelFeature
	Enrich    []Enrichment // done before the model sees the record; may be empty

	// PostEnrich has every result show what the model was asked, after enrichment.
	PostEnrich bool

	// Overrides are rules that decide in the model's place; the first that fits does.
	Overrides []Override

	Explain     Explanations
	Percentiles *Attachment // cut points of the second class's probability; nil: none
}

// Override is a rule that decides in the model's place where all its conditions hold.
type Override struct {
	Rule    string
	When    []Condition
	Predict string // a class or cluster, or a number
}

// Condition is about the value that the model would see of one feature, before what is
// missing is replaced: it is one of Words or, if there are none, a number from Min to Max.
// A missing value is neither.
type Condition struct {
	Feature  string
	Words    []string
	Min, Max float64
}

// ModelFeature is one feature of a model, in the model's order.
type ModelFeature struct {
	Name             string
	Description      string
	Type             *codec.Type
	Categories       []string // words whose positions are the codes; nil: the model's own
	Missing, Unknown Handling
}

// Handling says what becomes of a value that is missing, or that is none of the
// categories.
type Handling struct {
	Action HandlingAction
	Value  string // of HandleImpute: text, a number, true or false
}

// HandlingAction is a kind of Handling.
type HandlingAction string

// The actions: the model sees a missing value; Value takes its place; a category of its
// own does; the row is not scored.
const (
	HandlePass     HandlingAction = "pass"
	HandleImpute   HandlingAction = "impute"
	HandleCategory HandlingAction = "category"
	HandleDropRow  HandlingAction = "dropRow"
)

// Explanations are an endpoint's settings of explanations; zero fields mean the
// defaults.
type Explanations struct {
	Enabled    bool // when a request does not say
	Method     string
	N          int // features to return
	Steps      int // background rows that SHAPLEY draws
	Seed       uint64
	Background *Attachment // CSV; nil: none, which leaves TREESHAP
	Weight     string      // column of the background's weights; "": all weigh the same

	// Importance is how much features matter in all, 0 for those that are not listed; nil: as
	// the model file says. It chooses those that ICE and SHAPLEY look at.
	Importance map[string]float64
}

// Attachment is a file that a definition names, as it was when it was applied. The bytes
// are kept compressed.
type Attachment struct {
	Name   string // as the definition names it
	packed []byte
}

// maxAttachment bounds one file that a definition names: it is held in memory, compressed.
const maxAttachment = 32 << 20

// Bytes returns what the file holds.
func (a *Attachment) Bytes() ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(a.packed))
	if err == nil {
		var b []byte
		if b, err = io.ReadAll(io.LimitReader(z, maxAttachment)); err == nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("cannot unpack %s: %w", a.Name, err)
}

// pack compresses the bytes of a file.
func pack(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	// A bytes.Buffer takes all that it is given.
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}
