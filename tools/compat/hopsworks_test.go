package compat

import "testing"

const shop = `
kind: FeatureGroup
store: shop
name: customers
id: 7
key: [id]
features:
  - {name: id, type: bigint}
  - {name: born, type: date}
  - {name: photo, type: binary}
  - {name: spent, type: "decimal(10,2)"}
  - {name: churned, type: boolean}
---
kind: FeatureGroup
store: shop
name: cities
id: 8
key: [id]
features: [{name: id, type: bigint}, {name: name, type: string}]
---
kind: FeatureView
store: shop
name: customer
from: [{group: customers}, {group: cities, prefix: city_}]
features:
  - {from: 0, name: id}
  - {from: 0, name: born}
  - {from: 0, name: photo}
  - {from: 0, name: spent}
  - {from: 0, name: churned, label: true}
  - {from: 1, name: id}
  - {from: 1, name: name}
servingKeys: [{from: 0, name: id, required: true}, {from: 1, name: id, prefix: city_, required: true}]
---
kind: FeatureGroup
store: closed
name: customers
id: 9
key: [id]
features: [{name: id, type: bigint}]
---
kind: FeatureView
store: closed
name: customer
from: [{group: customers}]
`

// TestHopsworks runs hopsworks.py against a server.
func TestHopsworks(t *testing.T) {
	c := client{name: "hopsworks", module: "hsfs.core.online_store_rest_client_engine"}
	python := c.python(t)
	s := serve(t, shop)
	s.quiver(t, "put --store shop --group customers id=1 born=1984-02-29 photo=AAEC spent=12.5 churned=1")
	s.quiver(t, "put --store shop --group cities id=5 name=Bern")
	s.quiver(t, "key create --name app --stores shop --import HOPSWORKSKEY0001.secret")
	c.drive(t, python, s.url)
}
