package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// load makes the TLS configuration of a listener, nil without a certificate. The files
// are read again when they change; a new pair that is no good is logged, and the old
// one stays.
func (c certificate) load(log *slog.Logger) (*tls.Config, error) {
	if c.Cert == "" {
		return nil, nil
	}
	k := &keptCertificate{files: c, log: log}
	if err := k.read(); err != nil {
		return nil, fmt.Errorf("cannot use the certificate %s: %w", c.Cert, err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: k.get, NextProtos: []string{"http/1.1"}}, nil
}

// checkCertificate is how often, at most, the files are looked at.
const checkCertificate = time.Second

type keptCertificate struct {
	files certificate
	log   *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	marks   [2]fileMark // of the files that pair was read from, or that were refused
	checked time.Time
}

type fileMark struct {
	size  int64
	mtime time.Time
}

func (k *keptCertificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); now.Sub(k.checked) >= checkCertificate {
		k.checked = now
		if k.look() != k.marks {
			if err := k.read(); err != nil {
				k.log.Warn("the new certificate is no good, the old one stays", "file", k.files.Cert, "err", err)
			}
		}
	}
	return k.pair, nil
}

func (k *keptCertificate) look() (marks [2]fileMark) {
	for i, name := range []string{k.files.Cert, k.files.Key} {
		if info, err := os.Stat(name); err == nil {
			marks[i] = fileMark{info.Size(), info.ModTime()}
		}
	}
	return marks
}

func (k *keptCertificate) read() error {
	k.marks = k.look()
	pair, err := tls.LoadX509KeyPair(k.files.Cert, k.files.Key)
	if err != nil {
		return err
	}
	k.pair = &pair
	return nil
}
