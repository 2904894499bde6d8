package document

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Unknown is what a JSON value has that the type it is read into has no place for; nil where there is nothing.
type Unknown struct {
	// Fields are those of an object that the type has no field for.
	Fields map[string]json.RawMessage
	// Within has what is unknown deeper down: by the name of a known field, by the key of a map's entry, or by the
	// identity of a list's element.
	Within map[string]*Unknown
}

// UnknownIn is what a JSON text has that the type of a value has no place for. Types that decode themselves are left
// out: what they have no place for is theirs to keep. A text that does not fit the type has nothing unknown.
func UnknownIn(text []byte, value any) *Unknown { return unknownIn(text, reflect.TypeOf(value)) }

func unknownIn(text []byte, t reflect.Type) *Unknown {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || opaque(t) {
		return nil
	}
	var u Unknown
	switch t.Kind() {
	case reflect.Struct:
		known := fieldsOf(t)
		for _, m := range members(text) {
			if f, ok := known[fold(m.name)]; ok {
				u.keep(f.name, unknownIn(m.value, f.kind))
				continue
			}
			if u.Fields == nil {
				u.Fields = map[string]json.RawMessage{}
			}
			u.Fields[m.name] = slices.Clone(m.value)
		}
	case reflect.Map:
		for _, m := range members(text) {
			u.keep(m.name, unknownIn(m.value, t.Elem()))
		}
	case reflect.Slice, reflect.Array:
		if opaque(t.Elem()) {
			return nil
		}
		all := elements(text)
		for i, id := range identities(all, t.Elem()) {
			u.keep(id, unknownIn(all[i], t.Elem()))
		}
	}
	if u.Fields == nil && u.Within == nil {
		return nil
	}
	return &u
}

func (u *Unknown) keep(name string, within *Unknown) {
	if within == nil {
		return
	}
	if u.Within == nil {
		u.Within = map[string]*Unknown{}
	}
	u.Within[name] = within
}

// AddTo adds what is unknown to the encoded value of the same type, which has changed since. What belonged to a field,
// to an entry or to an element that is gone goes with it. An element is the same where its id or its name is, or, in
// lists of other elements, where all of it is. The order of fields and elements is that of the encoded value; unknown
// fields come last, sorted.
func (u *Unknown) AddTo(encoded []byte) ([]byte, error) {
	if u == nil {
		return encoded, nil
	}
	var b bytes.Buffer
	switch trimmed := bytes.TrimLeft(encoded, " \t\r\n"); {
	case bytes.HasPrefix(trimmed, []byte("{")):
		if err := u.addToObject(&b, members(encoded)); err != nil {
			return nil, err
		}
	case bytes.HasPrefix(trimmed, []byte("[")):
		if err := u.addToList(&b, elements(encoded)); err != nil {
			return nil, err
		}
	default:
		return encoded, nil
	}
	return b.Bytes(), nil
}

func (u *Unknown) addToObject(b *bytes.Buffer, all []member) error {
	there := map[string]bool{}
	for i, m := range all {
		value, err := u.Within[m.name].AddTo(m.value)
		if err != nil {
			return err
		}
		all[i].value, there[m.name] = value, true
	}
	for _, name := range slices.Sorted(maps.Keys(u.Fields)) {
		if !there[name] {
			all = append(all, member{name, u.Fields[name]})
		}
	}
	b.WriteByte('{')
	for i, m := range all {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return nil
}

func (u *Unknown) addToList(b *bytes.Buffer, all []json.RawMessage) error {
	b.WriteByte('[')
	for i, id := range identities(all, nil) {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := u.Within[id].AddTo(all[i])
		if err != nil {
			return err
		}
		b.Write(value)
	}
	b.WriteByte(']')
	return nil
}

// identities tell the elements of a list apart, also those that are alike. Elements of a type are compared by what that
// knows of them; without one, all of an element is known.
func identities(all []json.RawMessage, t reflect.Type) []string {
	ids, seen := make([]string, len(all)), map[string]int{}
	for i, element := range all {
		id := identity(element, t)
		ids[i] = id + "#" + strconv.Itoa(seen[id])
		seen[id]++
	}
	return ids
}

// identity is the id of an element, else its name, else all that is known of it.
func identity(element json.RawMessage, t reflect.Type) string {
	if t != nil {
		if value := reflect.New(t); json.Unmarshal(element, value.Interface()) == nil {
			if known, err := json.Marshal(value.Interface()); err == nil {
				element = known
			}
		}
	}
	var named struct{ ID, Name json.RawMessage }
	if json.Unmarshal(element, &named) == nil {
		switch {
		case named.ID != nil:
			return "id:" + string(named.ID)
		case named.Name != nil:
			return "name:" + string(named.Name)
		}
	}
	var b bytes.Buffer
	if json.Compact(&b, element) != nil {
		return string(element)
	}
	return b.String()
}

// member is a field of an object, as it is written.
type member struct {
	name  string
	value json.RawMessage
}

// members are an object's, in its order; none where the text is no object. Of several with one name the last counts, as
// it does in decoding.
func members(text []byte) []member {
	d := json.NewDecoder(bytes.NewReader(text))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil
	}
	var all []member
	places := map[string]int{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil
		}
		var m member
		m.name, _ = name.(string)
		if d.Decode(&m.value) != nil {
			return nil
		}
		if i, twice := places[m.name]; twice {
			all[i] = m
			continue
		}
		places[m.name] = len(all)
		all = append(all, m)
	}
	if _, err := d.Token(); err != nil { // it is torn
		return nil
	}
	return all
}

// elements are a list's; none where the text is no list.
func elements(text []byte) []json.RawMessage {
	var all []json.RawMessage
	if json.Unmarshal(text, &all) != nil {
		return nil
	}
	return all
}

// fieldType is a field of a struct, by its name in JSON.
type fieldType struct {
	name string
	kind reflect.Type
}

// fold returns the same text for all names that decoding takes for one field: those that differ in case alone, by
// Unicode, where the long s is an s.
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		for next := unicode.SimpleFold(c); ; c, next = next, unicode.SimpleFold(next) {
			if next <= c { // the last one is followed by the first
				return next
			}
		}
	}, name)
}

// fieldsOf are the fields of a struct by their folded names. A field hides one of an embedded struct.
func fieldsOf(t reflect.Type) map[string]fieldType {
	known := map[string]fieldType{}
	var embedded []reflect.Type
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		name, _, _ := strings.Cut(tag, ",")
		kind := f.Type
		if f.Anonymous && name == "" {
			if kind.Kind() == reflect.Pointer {
				kind = kind.Elem()
			}
			if kind.Kind() == reflect.Struct {
				embedded = append(embedded, kind)
				continue
			}
		}
		if tag == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		known[fold(name)] = fieldType{name, f.Type}
	}
	for _, inner := range embedded {
		for name, f := range fieldsOf(inner) {
			if _, hidden := known[name]; !hidden {
				known[name] = f
			}
		}
	}
	return known
}

// opaque says whether values of a type have nothing within, decode themselves, or are kept as they are.
func opaque(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice, reflect.Array, reflect.Pointer:
	default:
		return true
	}
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Unmarshaler]()) ||
		p.Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]())
}

// Decode decodes a document into a value, and returns what that has no place for.
func Decode[D any](text []byte, into *D) (*Unknown, error) {
	if err := json.Unmarshal(text, into); err != nil {
		return nil, err
	}
	return UnknownIn(text, *into), nil
}

// Encode encodes a document with what was unknown of it.
func Encode(document any, u *Unknown) ([]byte, error) {
	text, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	return u.AddTo(text)
}
