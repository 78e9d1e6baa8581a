package service

// Field is one value of a record: a JSON token as the caller sent it (NaN and
// infinities allowed, which are missing values).
type Field struct{ Name, Token []byte }

// Records are the records of one request, in order. They are made to be pooled and keep
// the slices they are given, which must stay unchanged until the answer was released.
type Records struct {
	fields []Field
	ends   []int // by record: where its fields end
}

// Reset forgets all records.
func (r *Records) Reset() {
	if cap(r.fields) > maxKept {
		*r = Records{}
		return
	}
	clear(r.fields)
	r.fields, r.ends = r.fields[:0], r.ends[:0]
}

// Len is the number of records.
func (r *Records) Len() int { return len(r.ends) }

// Begin begins the next record.
func (r *Records) Begin() { r.ends = append(r.ends, len(r.fields)) }

// Restart takes back the fields of the record that was begun last.
func (r *Records) Restart() {
	first := len(r.fields) - len(r.Fields(len(r.ends)-1))
	clear(r.fields[first:])
	r.fields = r.fields[:first]
	r.ends[len(r.ends)-1] = first
}

// Add gives the record that was begun last a value; of a name given twice the last
// counts.
func (r *Records) Add(name, token []byte) {
	r.fields = append(r.fields, Field{name, token})
	r.ends[len(r.ends)-1]++
}

// Fields returns the fields of record i, which are r's.
func (r *Records) Fields(i int) []Field {
	first := 0
	if i > 0 {
		first = r.ends[i-1]
	}
	return r.fields[first:r.ends[i]]
}
