package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
)

// fetch gets what a URL holds, if that is at most some bytes. ctx ends it.
func fetch(ctx context.Context, url string, most int64, skipTLSVerify bool) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	c := http.DefaultClient
	if skipTLSVerify {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the definition says so
		defer t.CloseIdleConnections()
		c = &http.Client{Transport: t}
	}
	res, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers with status %s", url, res.Status)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s holds more than %d bytes", url, most)
	}
	return text, err
}
