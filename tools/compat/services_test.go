package compat

import (
	"archive/zip"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/service"
	"quiver/httpfront"
	"quiver/httpfront/dataiku"
	"quiver/httpfront/fronttest"
)

const servicesText = `
kind: FeatureGroup
store: default
name: people
key: [id]
features: [{name: id, type: bigint}, {name: name, type: string}]
---
{kind: Service, name: svc, mapping: {v1: 1}}
---
{kind: Generation, service: svc, name: v1, endpoints: [{name: e, type: lookup, enrich: [{group: people, keys: [id], columns: [name]}]}]}
---
{kind: Service, name: tok, auth: jwt, mapping: {v1: 1}, jwt: {jwks: jwks.json, issuer: iam, scope: use}}
---
{kind: Generation, service: tok, name: v1, endpoints: [{name: e, type: lookup, enrich: [{group: people, keys: [id], columns: [name]}]}]}
---
{kind: Service, name: unused, enabled: false}
`

// archivedText is the generation in the archive, and stump its model: 2 where x is above
// 1.5, else 1.
const (
	archivedText = "{kind: Generation, service: svc, name: v3, endpoints: [{name: m, type: prediction, model: m.txt, task: regression, features: [{name: x, type: double}]}]}"
	stump        = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=0\nobjective=regression\nfeature_names=x\nfeature_infos=[-9:9]\n\n" +
		"Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nsplit_gain=1\nthreshold=1.5\ndecision_type=10\nleft_child=-1\nright_child=-2\nleaf_value=1 2\n" +
		"leaf_weight=5 5\nleaf_count=5 5\ninternal_value=0\ninternal_weight=10\ninternal_count=10\nis_linear=0\nshrinkage=1\n\n\nend of trees\n"
)

// signed makes a token with a key of an id.
func signed(t *testing.T, key ed25519.PrivateKey, id string) string {
	t.Helper()
	payload, err := json.Marshal(map[string]any{"iss": "iam", "scope": "use", "client_id": "app", "exp": time.Now().Unix() + 600})
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"EdDSA","kid":"`+id+`"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))
}

// TestServices runs services.py with the newest and an old version of the client.
func TestServices(t *testing.T) {
	for _, c := range []client{{name: "dataiku", module: "dataikuapi", script: "services"}, {name: "dataiku12", module: "dataikuapi", script: "services"}} {
		t.Run(c.name, func(t *testing.T) { drive(t, c) })
	}
}

func drive(t *testing.T, c client) {
	python := c.python(t)
	key := ed25519.NewKeyFromSeed([]byte("0123456789abcdef0123456789abcdef"))
	jwks := fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":%q}]}`, base64.RawURLEncoding.EncodeToString(key.Public().(ed25519.PublicKey)))
	e := enginetest.New(t)
	if _, err := e.Apply([]catalog.File{{Name: "d.yaml", Text: []byte(servicesText)}, {Name: "jwks.json", Text: []byte(jwks), Attached: true}}, false); err != nil {
		t.Fatal(err)
	}
	enginetest.Load(t, e, engine.Ref{Store: "default", Name: "people"}, []string{"1", `"one"`})
	s := service.New(e)
	t.Cleanup(s.Close)
	if err := e.AddPart(s); err != nil {
		t.Fatal(err)
	}
	keys, err := auth.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	for _, o := range []auth.CreateOptions{{Name: "key", Services: []string{auth.Every}, Import: "KEY"}, {Name: "adm", Admin: true, Import: "ADM"}} {
		if _, err := keys.Create(o); err != nil {
			t.Fatal(err)
		}
	}
	imports, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "v3.zip")
	archive := filepath.Join(imports, "v3.zip")
	for _, path := range []string{archive, elsewhere} {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		for name, text := range map[string]string{"generation.yaml": archivedText, "m.txt": stump} {
			w, err := z.Create(name)
			if err == nil {
				_, err = w.Write([]byte(text))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	front := fronttest.Start(t, httpfront.Options{Dialects: dataiku.New(e, s, dataiku.Options{Keys: keys, Imports: imports}), Keys: keys})
	stranger := ed25519.NewKeyFromSeed([]byte("another key of 32 bytes, for it."))
	c.drive(t, python, front.URL, archive, elsewhere, signed(t, key, "k"), signed(t, stranger, "other"))
}
