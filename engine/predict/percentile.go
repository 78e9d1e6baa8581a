package predict

import (
	"errors"
	"fmt"
	"sort"
	"strconv"

	"quiver/codec"
)

// maxPercentiles bounds the number of cut points.
const maxPercentiles = 10_000

// ParsePercentiles reads a percentiles file: a JSON array of ascending probabilities, by
// itself or as the field "percentiles" of an object.
func ParsePercentiles(data []byte) ([]float64, error) {
	s := codec.NewScanner(data)
	var cuts []float64
	var err error
	if s.Peek() == codec.JSONObject {
		found := false
		s.Object()
		for name, ok := s.NextField(); ok && err == nil; name, ok = s.NextField() {
			if string(name) == "percentiles" {
				cuts, err = parseCuts(&s)
				found = true
			} else {
				s.Value()
			}
		}
		if !found && s.Err() == nil {
			err = errors.New("it has no field percentiles")
		}
	} else {
		cuts, err = parseCuts(&s)
	}
	if err == nil {
		err = s.End()
	}
	if err == nil {
		err = checkPercentiles(cuts)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the percentiles: %w", err)
	}
	return cuts, nil
}

func parseCuts(s *codec.Scanner) ([]float64, error) {
	cuts := []float64{}
	for s.Array(); s.NextElement(); {
		v, kind := s.Value()
		x, err := strconv.ParseFloat(string(v), 64)
		if kind != codec.JSONNumber || err != nil {
			return nil, fmt.Errorf("cut point %d is no number", len(cuts)+1)
		}
		cuts = append(cuts, x)
	}
	return cuts, nil
}

func checkPercentiles(cuts []float64) error {
	if len(cuts) > maxPercentiles {
		return fmt.Errorf("%d cut points are more than %d", len(cuts), maxPercentiles)
	}
	for i, c := range cuts {
		if !(c >= 0 && c <= 1) {
			return fmt.Errorf("cut point %d is %v, not a probability", i+1, c)
		}
		if i > 0 && c < cuts[i-1] {
			return fmt.Errorf("cut point %d is less than the one before", i+1)
		}
	}
	return nil
}

// percentile returns how many cut points are not above v; -1 without cut points.
func percentile(cuts []float64, v float64) int {
	if len(cuts) == 0 {
		return -1
	}
	return sort.Search(len(cuts), func(i int) bool { return cuts[i] > v })
}
