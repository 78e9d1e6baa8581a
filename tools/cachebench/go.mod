module cachebench

go 1.26.0

require (
	github.com/VictoriaMetrics/fastcache v1.13.2
	github.com/coocood/freecache v1.2.4
	quiver v0.0.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/golang/snappy v1.0.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)

replace quiver => ../..
