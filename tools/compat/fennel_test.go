package compat

import "testing"

const users = `
kind: FeatureGroup
store: default
name: users
key: [id]
eventTime: seen
history: 1000d
features:
  - {name: id, type: int}
  - {name: name, type: str}
  - {name: age, type: "Optional[int]"}
  - {name: seen, type: datetime}
---
kind: Webhook
store: default
name: app
endpoints: [{name: users, into: [{group: users}], cdc: upsert}]
---
kind: Featureset
store: default
name: User
features:
  - {name: id, type: int}
  - {name: name, type: str, lookup: {group: users, field: name}, default: nobody}
  - {name: age, type: "Optional[int]", lookup: {group: users, field: age}}
  - {name: senior, type: bool, expr: 'when(col("age") > 60).then(True).otherwise(False)'}
`

// TestFennel runs fennel.py against a server.
func TestFennel(t *testing.T) {
	// Without what the client needs for other things than calling a server.
	c := client{name: "fennel", module: "fennel.client", pip: []string{"--no-deps"}}
	python := c.python(t)
	s := serve(t, users)
	s.quiver(t, "key create --name app --stores default --import FENNELKEY0000001.secret")
	s.quiver(t, "key create --name admin --stores default --admin-key --import FENNELADMIN00001.secret")
	c.drive(t, python, s.url)
}
