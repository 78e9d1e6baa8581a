package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// readConfigFile sets what a YAML file says. Nesting and dots are the same: storage:
// {shards: 4} is storage.shards: 4. What it does not know is an error with its place.
func readConfigFile(file string, byKey map[string]*setting) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("cannot read the configuration: %w", err)
	}
	tree, err := parser.ParseBytes(raw, 0)
	if err != nil {
		var e yaml.Error
		if errors.As(err, &e) && e.GetToken() != nil {
			p := e.GetToken().Position
			return fmt.Errorf("%s:%d:%d: %s", file, p.Line, p.Column, e.GetMessage())
		}
		return fmt.Errorf("%s: %w", file, err)
	}
	r := &configReader{file: file, byKey: byKey}
	for i, doc := range tree.Docs {
		if doc.Body == nil {
			continue
		}
		if i > 0 {
			return r.fail(doc.Body, "a configuration is one document, this is the second")
		}
		if err := r.mapping("", doc.Body); err != nil {
			return err
		}
	}
	return nil
}

type configReader struct {
	file  string
	byKey map[string]*setting
}

func (r *configReader) fail(n ast.Node, format string, args ...any) error {
	p := n.GetToken().Position
	return fmt.Errorf("%s:%d:%d: %s", r.file, p.Line, p.Column, fmt.Sprintf(format, args...))
}

// mapping reads the values under prefix ("" or "storage.").
func (r *configReader) mapping(prefix string, n ast.Node) error {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	case *ast.NullNode, *ast.CommentGroupNode:
		return nil
	default:
		return r.fail(n, "want settings such as `listen: 127.0.0.1:4406` here")
	}
	for _, pair := range pairs {
		name, ok := pair.Key.(ast.ScalarNode)
		if !ok {
			return r.fail(pair.Key, "a setting's name is a plain word")
		}
		key := prefix + fmt.Sprint(name.GetValue())
		if s := r.byKey[key]; s != nil {
			if err := r.scalar(s, pair.Value); err != nil {
				return err
			}
			continue
		}
		if !r.isGroup(key) {
			return r.fail(pair.Key, "unknown setting %q%s", key, r.suggest(key))
		}
		if err := r.mapping(key+".", pair.Value); err != nil {
			return err
		}
	}
	return nil
}

// scalar sets one value from its text as written.
func (r *configReader) scalar(s *setting, n ast.Node) error {
	v, ok := n.(ast.ScalarNode)
	if _, null := n.(*ast.NullNode); !ok || null {
		return r.fail(n, "%s wants one value", s.key)
	}
	text := v.GetToken().Value
	if str, ok := n.(*ast.StringNode); ok {
		text = str.Value
	}
	if err := s.value.Set(text); err != nil {
		return r.fail(n, "%s: %v", s.key, err)
	}
	s.origin = fmt.Sprintf("%s:%d", r.file, v.GetToken().Position.Line)
	return nil
}

func (r *configReader) isGroup(key string) bool {
	for k := range r.byKey {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	return false
}

// suggest names the known key that key may have been meant to be.
func (r *configReader) suggest(key string) string {
	last := key[strings.LastIndexByte(key, '.')+1:]
	best := ""
	for k := range r.byKey {
		if strings.EqualFold(k, key) {
			best = k
			break
		}
		near := strings.HasPrefix(k, key) || strings.HasPrefix(key, k) ||
			strings.EqualFold(k[strings.LastIndexByte(k, '.')+1:], last)
		if near && (best == "" || k < best) {
			best = k
		}
	}
	if best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return "; `quiver serve --print-config` lists all"
}
