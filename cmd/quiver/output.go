package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// output is where results go: tables for people, JSON for programs.
type output struct {
	w    io.Writer
	json bool
}

// print prints v as JSON, or t.
func (o *output) print(v any, t *table) error {
	if o.json {
		enc := json.NewEncoder(o.w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	return t.write(o.w)
}

// table is text in aligned columns.
type table struct {
	head []string
	rows [][]string
	foot string // a line below
}

func newTable(head ...string) *table { return &table{head: head} }

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer) error {
	all := t.rows
	if len(t.head) > 0 && len(t.rows) > 0 {
		all = append([][]string{t.head}, t.rows...)
	}
	widths := []int{}
	for _, row := range all {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for _, row := range all {
		line := ""
		for i, c := range row {
			line += c + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if t.foot != "" {
		b.WriteString(t.foot + "\n")
	}
	_, err := fmt.Fprint(w, b.String())
	return err
}
