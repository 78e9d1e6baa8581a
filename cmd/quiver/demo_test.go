package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestDemo runs the demo and then every request it prints, as a reader would.
func TestDemo(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	s := start(t, "demo")
	text := ""
	for !strings.Contains(text, "Ctrl-C") {
		line, err := s.stdout.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after\n%s", err, text)
		}
		text += line
	}
	posts := regexp.MustCompile(`(?m)^curl -s (\S+) -H 'Content-Type: application/json' -d '(.*)'; echo$`).FindAllStringSubmatch(text, -1)
	if len(posts) != 6 {
		t.Fatalf("%d requests with a body in\n%s", len(posts), text)
	}
	wants := []string{
		`"features":["SFO","JFK",2881,2586,2.4,-4,31,562,0.1989,"2001-01-01","2001-06-30","SFO","San Francisco International"`,
		`"status":["COMPLETE","COMPLETE","MISSING"]`,
		`"features":["SFO","San Francisco International","San Francisco","CA","USA",37.61900194,-122.3748433]`,
		`"flights":2881`,
		`{}`,
		`{"Delay.minutes":[42,-3],"Delay.late":[true,false]}`,
	}
	for i, p := range posts {
		if !json.Valid([]byte(p[2])) {
			t.Errorf("the body %s is not JSON", p[2])
		}
		status, got := s.post(t, strings.TrimPrefix(p[1], s.front), "", p[2])
		if status != 200 || !strings.Contains(got, wants[i]) {
			t.Errorf("%s: %d %s, want %s", p[2], status, got, wants[i])
		}
	}
	lookup := regexp.MustCompile(`(?m)^curl -s (\S+) -d '(.*)'; echo$`).FindStringSubmatch(text)
	want := `{"results":[{"data":{"iata":"SFO","name":"San Francisco International","city":"San Francisco","state":"CA","latitude":37.61900194,"longitude":-122.3748433},"ignored":false}],`
	if status, got := s.post(t, strings.TrimPrefix(lookup[1], s.front), "", lookup[2]); status != 200 || !strings.HasPrefix(got, want) {
		t.Errorf("%s: %d %s, want %s", lookup[2], status, got, want)
	}
	predict := regexp.MustCompile(`(?m)^curl -s (\S+/predict) -d '(.*)'; echo$`).FindStringSubmatch(text)
	want = `{"result":{"prediction":"late","probaPercentile":89,"probas":{"on time":0.66558`
	if status, got := s.post(t, strings.TrimPrefix(predict[1], s.front), "", predict[2]); status != 200 || !strings.HasPrefix(got, want) || !strings.Contains(got, `"explanations":{"hour":0.4138`) {
		t.Errorf("%s: %d %s, want %s", predict[2], status, got, want)
	}
	query := regexp.MustCompile(`(?m)^curl -s (\S+/query) -d '(.*)'; echo$`).FindStringSubmatch(text)
	want = `{"results":[{"columns":[{"name":"iata","type":"TEXT"},{"name":"name","type":"TEXT"},{"name":"latitude","type":"REAL"}],"rows":[["BRW","Wiley Post Will Rogers Memorial","71.2854475"],`
	if status, got := s.post(t, strings.TrimPrefix(query[1], s.front), "", query[2]); status != 200 || !strings.HasPrefix(got, want) {
		t.Errorf("%s: %d %s, want %s", query[2], status, got, want)
	}
	for i, get := range regexp.MustCompile(`(?m)^curl -s "(\S+)"; echo$`).FindAllStringSubmatch(text, -1) {
		res, err := http.Get(get[1])
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if want := []string{`"iata":"JFK"`, `"rows":[["`, `{"response":{"miles":2579.`}[i]; err != nil || res.StatusCode != 200 || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s, %v, want %s", get[1], res.StatusCode, body, err, want)
		}
	}
	run := regexp.MustCompile(`(?m)^curl -s (\S+/run) -d '(.*)'; echo$`).FindStringSubmatch(text)
	want = `{"response":{"flights":4,"mean":14.25,"median":9,"late":0.5},"timing":`
	if status, got := s.post(t, strings.TrimPrefix(run[1], s.front), "", run[2]); status != 200 || !strings.HasPrefix(got, want) {
		t.Errorf("%s: %d %s, want %s (R is needed: apt-get install --no-install-recommends r-base-core r-cran-jsonlite)", run[2], status, got, want)
	}
	gets := regexp.MustCompile(`(?m)^curl -s (\S+)$`).FindAllStringSubmatch(text, -1)
	for i, want := range []string{"quiver_store_full 0", `"kind":"FeatureView"`} {
		res, err := http.Get(gets[i][1])
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d, %v, lacks %s", gets[i][1], res.StatusCode, err, want)
		}
	}
	commands := regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(binary)+` (.*)$`).FindAllStringSubmatch(text, -1)
	for i, want := range []string{"flights/route@1: COMPLETE", "stored one row", "flight_events"} {
		args := strings.Fields(strings.ReplaceAll(commands[i][1], "'Quiver Field'", "QuiverField"))
		if got := ok(t, args...); !strings.Contains(got, want) {
			t.Errorf("quiver %s prints\n%s", commands[i][1], got)
		}
	}
	if err := s.end(t, syscall.SIGINT); err != nil {
		t.Errorf("Ctrl-C: %v\n%s", err, s.stderr.String())
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("the demo leaves %v behind (%v)", left, err)
	}
}

// TestDemoFolder keeps the data where it is told to, and starts again on it.
func TestDemoFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "d")
	for range 2 {
		s := start(t, "demo", "--data", dir)
		alive := func(want int) {
			t.Helper()
			res, err := http.Get(s.front + "/isAlive/")
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != want || res.Header.Get("DSS-Version") == "" {
				t.Errorf("isAlive: %d, want %d, headers %v", res.StatusCode, want, res.Header)
			}
		}
		alive(200)
		if err := os.WriteFile(filepath.Join(dir, notAliveFile), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		alive(503)
		if err := os.Remove(filepath.Join(dir, notAliveFile)); err != nil {
			t.Fatal(err)
		}
		if err := s.end(t, syscall.SIGTERM); err != nil {
			t.Errorf("%v\n%s", err, s.stderr.String())
		}
	}
	if got := ok(t, "get", "--data", dir, "--store", "flights", "--view", "airport", "iata=SFO"); !strings.Contains(got, "San Francisco") {
		t.Errorf("get prints\n%s", got)
	}
}
