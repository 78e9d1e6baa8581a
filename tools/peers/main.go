// Command peers is what Quiver is compared with: a feature service as teams write it
// over Redis or Valkey, made as well as its parts allow. It keeps each row as finished
// JSON under one key, answers the Hopsworks feature-vector requests with a GET or an
// MGET, and checks no API key. It has a module of its own, so that its client library
// is not among the product's dependencies.
//
//	peers REDIS-ADDRESS
//
// It prints the address it serves, on a line, and ends when its input does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/bytedance/sonic"
	"github.com/valkey-io/valkey-go"
	"github.com/valyala/fasthttp"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("say where Redis is, for example 127.0.0.1:6379")
	}
	client, err := valkey.NewClient(valkey.ClientOption{InitAddress: args, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		return fmt.Errorf("cannot connect to Redis: %w", err)
	}
	defer client.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	s := &service{client: client}
	server := &fasthttp.Server{Handler: s.handle, NoDefaultServerHeader: true, WriteBufferSize: 32 << 10}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	fmt.Println(ln.Addr())
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return fmt.Errorf("cannot wait for the end: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(server.ShutdownWithContext(ctx), <-ended)
}

type service struct{ client valkey.Client }

// entry is the one key column of the benchmark's views.
type entry struct {
	ID int64 `json:"id"`
}

type single struct {
	View  string `json:"featureViewName"`
	Entry entry  `json:"entries"`
}

type batch struct {
	View    string  `json:"featureViewName"`
	Entries []entry `json:"entries"`
}

func (s *service) handle(ctx *fasthttp.RequestCtx) {
	var err error
	switch string(ctx.Path()) {
	case "/0.1.0/feature_store":
		err = s.single(ctx)
	case "/0.1.0/batch_feature_store":
		err = s.batch(ctx)
	default:
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return
	}
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
		return
	}
	ctx.SetContentType("application/json")
}

// key is where a row is: view:id.
func key(view string, id int64) string {
	b := make([]byte, 0, 32)
	b = append(append(b, view...), ':')
	return string(strconv.AppendInt(b, id, 10))
}

func (s *service) single(ctx *fasthttp.RequestCtx) error {
	var r single
	if err := sonic.ConfigFastest.Unmarshal(ctx.PostBody(), &r); err != nil {
		return err
	}
	row, err := s.client.Do(ctx, s.client.B().Get().Key(key(r.View, r.Entry.ID)).Build()).AsBytes()
	if err != nil {
		return err
	}
	// Writes go into the response's pooled memory and cannot fail.
	ctx.WriteString(`{"features":`)
	ctx.Write(row)
	ctx.WriteString(`,"metadata":null,"status":"COMPLETE","detailedStatus":null}`)
	return nil
}

func (s *service) batch(ctx *fasthttp.RequestCtx) error {
	var r batch
	if err := sonic.ConfigFastest.Unmarshal(ctx.PostBody(), &r); err != nil {
		return err
	}
	keys := make([]string, len(r.Entries))
	for i, e := range r.Entries {
		keys[i] = key(r.View, e.ID)
	}
	rows, err := s.client.Do(ctx, s.client.B().Mget().Key(keys...).Build()).ToArray()
	if err != nil {
		return err
	}
	ctx.WriteString(`{"features":[`)
	for i := range rows {
		row, err := rows[i].AsBytes()
		if err != nil {
			return err
		}
		if i > 0 {
			ctx.WriteString(",")
		}
		ctx.Write(row)
	}
	ctx.WriteString(`],"metadata":null,"status":[`)
	for i := range rows {
		if i > 0 {
			ctx.WriteString(",")
		}
		ctx.WriteString(`"COMPLETE"`)
	}
	ctx.WriteString(`],"detailedStatus":null}`)
	return nil
}
