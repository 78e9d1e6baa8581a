package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"quiver/engine/archive"
	"quiver/engine/catalog"
	"quiver/engine/service"
)

type servicesCmd struct {
	List        servicesListCmd        `cmd:"" help:"List the services."`
	Create      servicesCreateCmd      `cmd:"" help:"Make a service without generations."`
	Delete      servicesDeleteCmd      `cmd:"" help:"Remove a service with its generations."`
	Generations servicesGenerationsCmd `cmd:"" help:"List the generations of a service."`
	Import      servicesImportCmd      `cmd:"" help:"Add a generation from a zip or tar.gz file."`
	Preload     servicesPreloadCmd     `cmd:"" help:"See that a generation is ready to answer."`
	Switch      servicesSwitchCmd      `cmd:"" help:"Let one generation answer alone."`
	Mapping     servicesMappingCmd     `cmd:"" help:"Let several generations answer, each with a probability."`
	Enable      servicesEnableCmd      `cmd:"" help:"Let a service answer."`
	Disable     servicesDisableCmd     `cmd:"" help:"Let a service answer 503."`
	Clean       servicesCleanCmd       `cmd:"" help:"Remove what is not used."`
}

func (servicesCmd) Help() string {
	return `Services and generations are definitions, which quiver apply changes as well.

Examples:
  quiver services list
  quiver services import fraud fraud-v2.zip
  quiver services switch fraud v2
  quiver services mapping fraud v1=0.9 v2=0.1
  quiver services clean`
}

// oneService is the service that a command is about, and how the server is found.
type oneService struct {
	Service string `arg:"" help:"Name of the service."`
	target
	format
}

// call calls the admin API and prints what it did as one line, or v as JSON.
func (c *oneService) call(ctx context.Context, a *app, method, path string, in, out any, line func() string) error {
	cl, err := c.open(a)
	if err != nil {
		return err
	}
	defer cl.close()
	if err := cl.call(ctx, method, "/api/services/"+url.PathEscape(c.Service)+path, nil, in, out); err != nil {
		return err
	}
	t := newTable()
	t.foot = line()
	return a.results(c.Output).print(out, t)
}

// changed is what the admin API says of a change.
type changed struct {
	Service    string `json:"service"`
	Generation string `json:"generation,omitempty"`
}

type servicesListCmd struct {
	target
	format
}

// Run lists services.
func (c *servicesListCmd) Run(ctx context.Context, a *app) error {
	cl, err := c.open(a)
	if err != nil {
		return err
	}
	defer cl.close()
	list := []service.Info{}
	if err := cl.call(ctx, "GET", "/api/services", nil, nil, &list); err != nil {
		return err
	}
	t := newTable("SERVICE", "ENABLED")
	for _, s := range list {
		t.add(s.Service, yesNo(s.Enabled))
	}
	if len(list) == 0 {
		t.foot = "there are no services; `quiver services create NAME` makes one"
	}
	return a.results(c.Output).print(list, t)
}

func yesNo(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}

type servicesCreateCmd struct{ oneService }

// Run makes a service.
func (c *servicesCreateCmd) Run(ctx context.Context, a *app) error {
	cl, err := c.open(a)
	if err != nil {
		return err
	}
	defer cl.close()
	var out changed
	if err := cl.call(ctx, "POST", "/api/services", nil, map[string]string{"service": c.Service}, &out); err != nil {
		return err
	}
	t := newTable()
	t.foot = "made " + c.Service + ", for holders of keys"
	return a.results(c.Output).print(out, t)
}

type servicesDeleteCmd struct{ oneService }

// Run removes a service.
func (c *servicesDeleteCmd) Run(ctx context.Context, a *app) error {
	return c.call(ctx, a, "DELETE", "", nil, &changed{}, func() string { return "removed " + c.Service })
}

type servicesGenerationsCmd struct{ oneService }

// Run lists generations.
func (c *servicesGenerationsCmd) Run(ctx context.Context, a *app) error {
	cl, err := c.open(a)
	if err != nil {
		return err
	}
	defer cl.close()
	list := []service.Generation{}
	if err := cl.call(ctx, "GET", "/api/services/"+url.PathEscape(c.Service)+"/generations", nil, nil, &list); err != nil {
		return err
	}
	t := newTable("GENERATION", "CREATED", "MOUNTED", "MAPPED")
	for _, g := range list {
		t.add(g.Tag, g.Created.Local().Format(time.DateTime), yesNo(g.Mounted), strconv.FormatFloat(g.Share*100, 'g', 4, 64)+"%")
	}
	if len(list) == 0 {
		t.foot = "it has no generations; `quiver apply -f PATH` or `quiver services import` adds one"
	}
	return a.results(c.Output).print(list, t)
}

type servicesImportCmd struct {
	oneService
	Archive string `arg:"" help:"Zip or tar.gz file: a definition in YAML and the files it names."`
}

func (servicesImportCmd) Help() string {
	return `The generation is ready when the command ends; it answers once it is mapped.

Examples:
  zip -r fraud-v2.zip generation.yaml models/ && quiver services import fraud fraud-v2.zip`
}

// Run unpacks an archive and sends what is in it.
func (c *servicesImportCmd) Run(ctx context.Context, a *app) error {
	files, err := archive.ReadFile(c.Archive)
	if err != nil {
		return fmt.Errorf("cannot import %s: %w", filepath.Base(c.Archive), err)
	}
	type file struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}
	in := struct {
		Files []file `json:"files"`
	}{}
	for _, f := range files {
		in.Files = append(in.Files, file{f.Name, append([]byte{}, f.Data...)})
	}
	var out changed
	return c.call(ctx, a, "POST", "/generations", in, &out, func() string {
		return fmt.Sprintf("imported %s; `quiver services switch %s %s` lets it answer", out.Generation, c.Service, out.Generation)
	})
}

type servicesPreloadCmd struct {
	oneService
	Generation string `arg:"" help:"Name of the generation."`
}

// Run preloads a generation.
func (c *servicesPreloadCmd) Run(ctx context.Context, a *app) error {
	return c.call(ctx, a, "POST", "/preload", changedTo(c.Generation), &changed{}, func() string { return c.Generation + " is ready" })
}

func changedTo(generation string) map[string]string {
	return map[string]string{"generation": generation}
}

type servicesSwitchCmd struct {
	oneService
	Generation string `arg:"" optional:"" help:"Name of the generation; the newest by default."`
}

// Run maps one generation.
func (c *servicesSwitchCmd) Run(ctx context.Context, a *app) error {
	var out changed
	return c.call(ctx, a, "POST", "/switch", changedTo(c.Generation), &out, func() string {
		return c.Service + " is answered by " + out.Generation
	})
}

type servicesMappingCmd struct {
	oneService
	Mapping []string `arg:"" help:"Generations and their probabilities, which add up to 1." placeholder:"GENERATION=PROBABILITY"`
}

// Run sets a mapping.
func (c *servicesMappingCmd) Run(ctx context.Context, a *app) error {
	var mapping []catalog.Share
	for _, text := range c.Mapping {
		name, value, _ := strings.Cut(text, "=")
		share, err := strconv.ParseFloat(value, 64)
		if err != nil || name == "" {
			return &usageError{fmt.Sprintf("%q is not GENERATION=PROBABILITY, such as v1=0.9", text)}
		}
		mapping = append(mapping, catalog.Share{Generation: name, Share: share})
	}
	return c.call(ctx, a, "POST", "/mapping", map[string]any{"mapping": mapping}, &changed{}, func() string {
		return c.Service + " is answered by " + strings.Join(c.Mapping, ", ")
	})
}

type servicesEnableCmd struct{ oneService }

// Run enables a service.
func (c *servicesEnableCmd) Run(ctx context.Context, a *app) error {
	return c.call(ctx, a, "POST", "/enable", nil, &changed{}, func() string { return "enabled " + c.Service })
}

type servicesDisableCmd struct{ oneService }

// Run disables a service.
func (c *servicesDisableCmd) Run(ctx context.Context, a *app) error {
	return c.call(ctx, a, "POST", "/disable", nil, &changed{}, func() string { return "disabled " + c.Service })
}

type servicesCleanCmd struct {
	target
	format
}

func (servicesCleanCmd) Help() string {
	return `Removes services that are disabled or have no generation, and generations that are not
mapped. They are definitions: quiver rollback brings them back.

Examples:
  quiver services clean`
}

// Run removes what is not used.
func (c *servicesCleanCmd) Run(ctx context.Context, a *app) error {
	cl, err := c.open(a)
	if err != nil {
		return err
	}
	defer cl.close()
	var out service.Cleaned
	if err := cl.call(ctx, "POST", "/api/services-clean", nil, nil, &out); err != nil {
		return err
	}
	t := newTable("KIND", "REMOVED")
	for _, name := range out.Services {
		t.add("service", name)
	}
	for _, name := range out.Generations {
		t.add("generation", name)
	}
	if len(t.rows) == 0 {
		t.foot = "nothing is unused"
	}
	return a.results(c.Output).print(out, t)
}
