package fennel

import (
	"quiver/codec"
	"quiver/engine/fail"
	"quiver/httpfront/wire"
)

// listBranches answers {"branches": [{"name": ..}]}.
func (d *dialect) listBranches(x *wire.Exchange) error {
	if !x.Principal.MayReadStore(d.Store) {
		return &fail.Error{Code: fail.Forbidden, Name: d.Store, Text: "API key not authorized to access " + d.Store}
	}
	out := append(x.Out, `{"branches":[`...)
	for i, name := range d.engine.Snapshot().Branches(d.Store) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"name":`...)
		out = append(codec.AppendQuoted(out, []byte(name)), '}')
	}
	x.Out = append(out, "]}"...)
	return nil
}

// initBranch makes the branch that the header names, empty or like another one.
func (d *dialect) initBranch(x *wire.Exchange) error {
	name, err := d.changed(x)
	if err != nil {
		return err
	}
	from := named("clone_from")
	if err := readBody(x.Body, from); err != nil {
		return err
	}
	source, err := from.text(false)
	if err != nil {
		return err
	}
	if source == "" {
		_, err = d.engine.InitBranch(d.Store, name)
	} else {
		_, err = d.engine.CloneBranch(x.Ctx, d.Store, name, source)
	}
	if err == nil {
		x.Out = append(x.Out, "{}"...)
	}
	return err
}

// deleteBranch takes the branch away that the header names.
func (d *dialect) deleteBranch(x *wire.Exchange) error {
	name, err := d.changed(x)
	if err != nil {
		return err
	}
	if _, err = d.engine.DeleteBranch(d.Store, name); err == nil {
		x.Out = append(x.Out, "{}"...)
	}
	return err
}

// changed is the branch that a change is about. Definitions are changed by
// administrators only.
func (d *dialect) changed(x *wire.Exchange) (string, error) {
	if !x.Principal.Admin {
		return "", fail.Errorf(fail.Forbidden, "Branches are made and deleted with a key that has admin rights.")
	}
	name := branch(x)
	if name == "" {
		return "", fail.Errorf(fail.Malformed, "The header X-FENNEL-BRANCH must name the branch.")
	}
	return name, nil
}
