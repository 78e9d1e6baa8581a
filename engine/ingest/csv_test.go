package ingest

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"quiver/codec"
)

func TestCSV(t *testing.T) {
	people := group(t, "id* bigint", "name string", "age int", "score double", "born date", "seen timestamp(3)", "raw binary", "tags array<string>")
	f := func(text string, want ...string) {
		t.Helper()
		expect(t, load(t, file(t, "p.csv", text), people, Options{}), want...)
	}
	head := "id,name,age,score,born,seen,raw,tags\n"
	f(head+`1,Ann,36,1.50,2001-02-03,2001-02-03 04:05:06.7,AQI=,"[""a"",""b""]"`+"\n",
		`1,"Ann",36,1.5,"2001-02-03","2001-02-03 04:05:06.700","AQI=",["a","b"]`)
	// Empty: null, but for text. No line end behind the last line.
	f(head+"1,,,,,,,", `1,"",null,null,null,null,null,null`)
	// CR LF, empty lines, quotes, commas and line ends in quotes, a byte order mark.
	f("\ufeff"+strings.ReplaceAll(head+"\n1,\"a \"\"b\"\",\nc\",1,,,,,\n\n2,x,,,,,,\n", "\n", "\r\n"),
		`1,"a \"b\",\nc",1,null,null,null,null,null`, `2,"x",null,null,null,null,null,null`)
	// Order and case of the columns are the file's; missing ones are null.
	f("AGE,Id\n5,1\n", `1,null,5,null,null,null,null,null`)
	f(head+"1,Zoë,,NaN,,,,\n2,,,-inf,,,,\n", `1,"Zoë",null,null,null,null,null,null score=NaN`, `2,"",null,null,null,null,null,null score=-Inf`)
}

func TestCSVErrors(t *testing.T) {
	people := group(t, "id* bigint", "name string", "age int=0")
	f := func(text string, want ...string) {
		t.Helper()
		expect(t, load(t, file(t, "p.csv", text), people, Options{}), want...)
	}
	f("", `p.csv: the file is empty; its first line must name the columns`)
	f("name,age\n", `p.csv:1: column "id" is missing: it is a key column of group g (the file has name, age)`)
	f("id,nmae\n", `p.csv:1: column "nmae" is not a column of group g (which has id, name, age); --ignore-unknown leaves such columns out`)
	f("id,name,ID\n", `p.csv:1: columns "id" and "ID" are both id of group g`)
	f("id;name\n1;x\n", `p.csv:1: the header "id;name" has one column; columns are separated by commas`)
	// Bad rows do not stop the reading; the line is where the row begins.
	f("id,name,age\n"+
		"1,a,x1\n"+
		"2,\"two\nlines\",3000000000\n"+
		"3,c\n"+
		",d,1\n"+
		"5,e\"e,1\n"+
		"6,\"f\"f,1\n"+
		"7,g,7\n",
		`p.csv:2: column "age": "x1" is not a int`,
		`p.csv:3: column "age": 3000000000 is out of range of int (-2147483648 to 2147483647)`,
		`p.csv:5: the row has 2 fields, the header 3`,
		`p.csv:6: column "id": is empty, and a key column cannot be null`,
		`p.csv:7: field 2 has a quote inside but does not begin with one; put it in quotes and double those within`,
		`p.csv:8: field 2 goes on behind its closing quote; double the quotes within`,
		`7,"g",7`)
	f("id,name\n1,\"a\n2,b\n3,c\n", `p.csv:2: the file ends inside the quoted field 2, which has no closing quote`)
	f("id,name\n1,\xff\n2,b\n", "p.csv:2: column \"name\": not valid UTF-8 (value \"\\xff\")", `2,"b",0`)
	f("id,name\n1,"+strings.Repeat("é", 200)+"\nx,b\n", `1,"`+strings.Repeat("é", 200)+`",0`, `p.csv:3: column "id": "x" is not a bigint`)
}

func TestCSVOptions(t *testing.T) {
	g := group(t, "id* bigint", "at@ timestamp", "n int=5")
	path := file(t, "p.csv", "id,x,at\n1,zzz,1970-01-01 00:00:02\n2,,\n")
	expect(t, load(t, path, g, Options{IgnoreUnknown: true}),
		`1,"1970-01-01 00:00:02",5`,
		`p.csv:3: column "at": is empty, and the event time cannot be null`)
	s, err := Open(path, g, Options{IgnoreUnknown: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Next(nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := codec.ParseRow(b)
	if err != nil {
		t.Fatal(err)
	}
	if r.Time() != 2_000_000 {
		t.Errorf("the row's time is %d, want its event time 2000000", r.Time())
	}
	if done, total := s.Progress(); done != total || total != 38 {
		t.Errorf("progress %d of %d, want 38 of 38", done, total)
	}
}

// TestLongLines checks that neither a long line nor a forgotten quote fills memory.
func TestLongLines(t *testing.T) {
	g := group(t, "id* bigint", "name string")
	long := strings.Repeat("x", codec.MaxRowBytes+1)
	expect(t, load(t, file(t, "p.csv", "id,name\n1,"+long+"\n"), g, Options{}), "p.csv:2: the line is longer than 16 MiB")
	lines := strings.Repeat(strings.Repeat("y", 1<<20)+"\n", 18)
	expect(t, load(t, file(t, "p.csv", "id,name\n1,\""+lines), g, Options{}), "p.csv:2: the quoted field 2 is longer than 16 MiB; a closing quote may be missing")
	fits := strings.Repeat("z", readBuffer+10)
	expect(t, load(t, file(t, "p.csv", "id,name\n1,"+fits+"\n2,b\n"), g, Options{}), `1,"`+fits+`"`, `2,"b"`)
}

// FuzzCSV compares the records with encoding/csv's: what it takes, we take alike.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a,\"b\"\"c\"\r\n\"x\ny\",", "\n\n,\n", "\"\"", "a\"b", "\"a\"b", "\"a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, string(byteOrderMark)) {
			return
		}
		// encoding/csv keeps a CR that is not before LF but drops one before the
		// end of the file; we take it off there as well only before LF.
		if strings.HasSuffix(text, "\r") {
			return
		}
		theirs := csv.NewReader(strings.NewReader(text))
		theirs.FieldsPerRecord = -1
		ours := csvRecords{lines: newLines(strings.NewReader(text))}
		for {
			want, wantErr := theirs.Read()
			gotErr := ours.next()
			if wantErr != nil {
				if errors.Is(wantErr, io.EOF) != errors.Is(gotErr, io.EOF) || gotErr == nil {
					t.Fatalf("%q: error %v, want one like %v", text, gotErr, wantErr)
				}
				return
			}
			if gotErr != nil {
				t.Fatalf("%q: error %v, want record %q", text, gotErr, want)
			}
			var got []string
			for i := range ours.ends {
				got = append(got, string(ours.field(i)))
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%q: record %q, want %q", text, got, want)
			}
		}
	})
}
