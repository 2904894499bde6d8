package config

import (
	"maps"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"go.yaml.in/yaml/v3"

	"github.com/nhctl/nhctl/nhctl/internal/config/node"
	"github.com/nhctl/nhctl/nhctl/internal/config/source"
)

// decoder walks a YAML document along a Go type and notes every mistake, instead of stopping at the first.
type decoder struct {
	*loading
	// nodes counts what was visited, aliases included: a small file must not unfold into a huge one.
	nodes *atomic.Int64
	// ignored are the fields met that have no effect.
	ignored map[string]bool
	// overlaying is set inside a profile.
	overlaying bool
	// types are the fields of each type met, by name; defaults are their values before anything is set.
	types    map[reflect.Type]map[string]field
	defaults map[reflect.Type]reflect.Value
}

func newDecoder(l *loading) *decoder {
	return &decoder{
		loading:  l,
		nodes:    &atomic.Int64{},
		ignored:  map[string]bool{},
		types:    map[reflect.Type]map[string]field{},
		defaults: map[reflect.Type]reflect.Value{},
	}
}

// share has n things done by several decoders side by side, in as many parts as pay. What they find is put together in
// order.
func (d *decoder) share(n int, do func(d *decoder, i int)) {
	const few = 50
	parts := min(runtime.GOMAXPROCS(0), n/few+1)
	forks := make([]*decoder, parts)
	var decoding sync.WaitGroup
	for p := range forks {
		l := *d.loading
		l.found = d.found.Fork()
		forks[p] = newDecoder(&l)
		forks[p].nodes = d.nodes
		decoding.Go(func() {
			for i := n * p / parts; i < n*(p+1)/parts; i++ {
				do(forks[p], i)
			}
		})
	}
	decoding.Wait()
	for _, fork := range forks {
		d.found.Join(fork.found)
		maps.Copy(d.ignored, fork.ignored)
	}
}

const maxNodes = 250_000

// fail tells of a bad value.
func (d *decoder) fail(n *yaml.Node, format string, args ...any) {
	d.tell(source.Finding{Severity: source.Error, Code: source.BadValue}, n, format, args...)
}

func (d *decoder) warn(n *yaml.Node, format string, args ...any) {
	d.tell(source.Finding{Severity: source.Warning, Code: source.BadValue}, n, format, args...)
}

// wrongType tells of a node that is no value of its field's type.
func (d *decoder) wrongType(n *yaml.Node, want string) {
	d.tell(source.Finding{Severity: source.Error, Code: source.WrongType}, n, "want %s, got %s", want,
		node.Describe(n))
}

// twiceAt tells of what is there already, at another node.
func (d *decoder) twiceAt(n, first *yaml.Node, format string, args ...any) {
	x := source.Finding{Severity: source.Error, Code: source.Twice}
	if first != nil {
		x.Related = d.files.At(first)
	}
	d.tell(x, n, format, args...)
}

// tell adds a finding about a node.
func (d *decoder) tell(x source.Finding, n *yaml.Node, format string, args ...any) {
	d.found.Add(x, d.files.At(n), node.Width(n), format, args...)
}

func (d *decoder) decode(n *yaml.Node, v reflect.Value) {
	if nodes := d.nodes.Add(1); nodes > maxNodes {
		if nodes == maxNodes+1 {
			d.fail(n, "the file unfolds into more than %d values; use fewer aliases", maxNodes)
		}
		return
	}
	if n = node.Deref(n); node.Blank(n) {
		return
	}
	if s, ok := v.Addr().Interface().(special); ok {
		s.decodeNode(d, n)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.mapping(n, v)
	case reflect.Slice:
		d.list(n, v)
	case reflect.Pointer:
		value := reflect.New(v.Type().Elem())
		d.decode(n, value.Elem())
		v.Set(value)
	case reflect.String:
		if n.Kind != yaml.ScalarNode {
			d.wrongType(n, "text")
			return
		}
		v.SetString(n.Value)
	case reflect.Bool:
		b, ok := node.Bool(n)
		if !ok {
			d.wrongType(n, "true or false")
			return
		}
		v.SetBool(b)
	case reflect.Int:
		i, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil {
			d.wrongType(n, "a whole number")
			return
		}
		v.SetInt(int64(i))
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value) {
	if n.Kind == yaml.ScalarNode && v.Type().Elem().Kind() == reflect.String { // one text is a list of one
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		d.decode(n, v.Index(0))
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.wrongType(n, "a list")
		return
	}
	if d.nodes.Load()+int64(len(n.Content)) > maxNodes {
		d.nodes.Store(maxNodes)
		d.decode(n, v) // says so
		return
	}
	nodes := node.Items(n)
	list := reflect.MakeSlice(v.Type(), len(nodes), len(nodes))
	empty := d.empty(v.Type().Elem())
	for i, item := range nodes {
		list.Index(i).Set(empty)
		d.decode(item, list.Index(i))
	}
	v.Set(list)
}

// empty is a type's value before anything is set. What its slices hold is shared.
func (d *decoder) empty(t reflect.Type) reflect.Value {
	v, known := d.defaults[t]
	if !known {
		v = reflect.New(t).Elem()
		setDefaults(v)
		d.defaults[t] = v
	}
	return v
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(n, "a mapping with fields such as "+fieldNames(v.Type())[0])
		return
	}
	d.twiceIn(n)
	for _, p := range node.Pairs(n) {
		field, ok := d.fields(v.Type())[p.Key.Value]
		switch {
		case ok:
			if field.computer && d.workload != nil {
				d.fail(p.Key, "%s: a config from the cluster may not say anything of the developer's computer; it "+
					"belongs into a .dev/config.yaml there", p.Key.Value)
			}
			if field.unused && !node.Blank(p.Value) {
				d.unused(p.Key)
			}
			d.decode(p.Value, v.Field(field.index))
			d.enum(p.Value, field, v.Field(field.index))
		default:
			d.unknown(p, v.Type())
		}
	}
}

// twiceIn tells of keys that a mapping has twice.
func (d *decoder) twiceIn(n *yaml.Node) {
	const few = 16 // of which comparing each with each is the quickest
	var seen map[string]*yaml.Node
	if len(n.Content)/2 > few {
		seen = make(map[string]*yaml.Node, len(n.Content)/2)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		first := seen[key.Value]
		for j := 0; seen == nil && first == nil && j < i; j += 2 {
			if n.Content[j].Value == key.Value {
				first = n.Content[j]
			}
		}
		if first != nil {
			d.twiceAt(key, first, "%s is there twice", key.Value)
		} else if seen != nil {
			seen[key.Value] = key
		}
	}
}

// enum checks a text against its allowed values, and corrects its case, as Nocalhost takes any.
func (d *decoder) enum(n *yaml.Node, f field, v reflect.Value) {
	if len(f.enum) == 0 || v.Kind() != reflect.String || v.String() == "" {
		return
	}
	for _, a := range f.enum {
		if strings.EqualFold(a, v.String()) {
			v.SetString(a)
			return
		}
	}
	if old, now, ok := strings.Cut(f.also, "="); ok && strings.EqualFold(v.String(), old) {
		v.SetString(now)
		return
	}
	d.notOneOf(node.Deref(n), f.name+": want one of "+strings.Join(f.enum, ", "), v.String(), f.enum)
}

// notOneOf tells of a value that is none of some; want says which.
func (d *decoder) notOneOf(n *yaml.Node, want, got string, values []string) {
	x := source.Finding{Severity: source.Error, Code: source.NotOneOf, Suggestion: nearest(got, values)}
	d.tell(x, n, "%s, got %q%s", want, got, didYouMean(x.Suggestion))
}

// unused notes a field that has no effect.
func (d *decoder) unused(key *yaml.Node) {
	d.ignored[key.Value] = true
	d.tell(source.Finding{Severity: source.Hint, Code: source.UnusedField}, key, "nhctl does not use %s", key.Value)
}

// field is what a struct's field and its tags say.
type field struct {
	index  int
	name   string
	enum   []string
	also   string // OLD=NOW: another word for one of enum
	unused bool
	// computer says that it is about the developer's computer.
	computer bool
}

// fields are a type's fields by name.
func (d *decoder) fields(t reflect.Type) map[string]field {
	known, ok := d.types[t]
	if !ok {
		known = map[string]field{}
		for i := range t.NumField() {
			tag := t.Field(i).Tag
			f := field{
				index:    i,
				name:     tag.Get("json"),
				also:     tag.Get("also"),
				unused:   tag.Get("unused") != "",
				computer: tag.Get("computer") != "",
			}
			if enum := tag.Get("enum"); enum != "" {
				f.enum = strings.Split(enum, ",")
			}
			known[f.name] = f
		}
		d.types[t] = known
	}
	return known
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("json"))
	}
	return names
}
