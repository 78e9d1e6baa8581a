package httpfront_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"quiver/engine/auth"
	"quiver/httpfront"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/wire"
)

// TestMetrics checks what is counted under which labels. Paths never are labels.
func TestMetrics(t *testing.T) {
	keys := newKeys(t)
	token := newKey(t, keys, auth.CreateOptions{Name: "k"})
	var out log
	front := fronttest.Start(t, httpfront.Options{
		Dialects: []wire.Dialect{alpha(), beta()}, Keys: keys, RDRSMetrics: "alpha", Log: out.logger(),
	})
	header := map[string]string{"X-API-KEY": token}
	for range 3 {
		front.Do(fronttest.Request{Target: "/0.1.0/echo/some-entity", Body: "x", Header: header})
	}
	front.Do(fronttest.Request{Target: "/0.1.0/echo", Body: "x"})
	front.Do(fronttest.Request{Target: "/0.1.0/panic", Body: "x"})
	front.Do(fronttest.Request{Target: "/0.1.0/secret-path"})
	front.Do(fronttest.Request{Target: "/api/v1/other"})
	front.Do(fronttest.Request{Target: "/live"})

	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(front.Server.Metrics()); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += fmt.Sprintf(" %s=%s", l.GetName(), l.GetValue())
			}
			switch {
			case m.Histogram != nil:
				got[name] = float64(m.Histogram.GetSampleCount())
				if m.Histogram.GetSampleSum() <= 0 || len(m.Histogram.Bucket) == 0 {
					t.Errorf("%s: sum %v, %d buckets", name, m.Histogram.GetSampleSum(), len(m.Histogram.Bucket))
				}
			case m.Counter != nil:
				got[name] = m.Counter.GetValue()
			default:
				got[name] = m.Gauge.GetValue()
			}
			if strings.Contains(name, "secret") || strings.Contains(name, "entity") {
				t.Errorf("a path is a label: %s", name)
			}
		}
	}
	f := func(name string, want float64) {
		t.Helper()
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v (present: %v), want %v", name, v, ok, want)
		}
	}
	f("quiver_http_requests_total dialect=alpha method=POST route=echo status=200", 3)
	f("quiver_http_requests_total dialect=alpha method=POST route=echo status=400", 1)
	f("quiver_http_requests_total dialect=alpha method=POST route=panic status=500", 1)
	f("quiver_http_requests_total dialect=alpha method=any route=unmatched status=404", 1)
	f("quiver_http_requests_total dialect=beta method=any route=unmatched status=404", 1)
	f("quiver_http_requests_total dialect=front method=GET route=live status=200", 1)
	f("quiver_http_request_duration_seconds dialect=alpha method=POST route=echo", 4)
	f("rdrs_endpoints_response_status_count api_type=REST end_point=echo method=POST status=200", 3)
	f("http_request_duration_seconds endpoint=echo method=POST", 4)
	f("quiver_http_panics_total", 1)
	f("quiver_http_draining", 0)
	if got["quiver_http_connections"] < 1 {
		t.Errorf("quiver_http_connections is %v", got["quiver_http_connections"])
	}
}
