package document

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type embedded struct {
	Port int `json:"port"`
	Name int `json:"name"` // hidden
}

type item struct {
	Name string `json:"name,omitempty"`
	Path string `json:"path,omitempty"`
}

type numbered struct {
	ID   int    `json:"id"`
	Name string `json:"name,omitempty"`
}

// sealed decodes itself.
type sealed struct{ text string }

func (s *sealed) UnmarshalJSON(text []byte) error { s.text = string(text); return nil }
func (s sealed) MarshalJSON() ([]byte, error)     { return []byte(s.text), nil }

type outer struct {
	Head
	embedded
	Name   string `json:"name,omitempty"`
	Plain  int    `json:",omitempty"`
	Secret string `json:"-"`
	//lint:ignore SA5008 a field may have this name
	Dash     string           `json:"-,omitempty"`
	Inner    *outer           `json:"inner,omitempty"`
	Items    []item           `json:"items,omitempty"`
	Pointers []*numbered      `json:"pointers,omitempty"`
	Entries  map[string]item  `json:"entries,omitempty"`
	Lists    map[string][]any `json:"lists,omitempty"`
	Grid     [][]item         `json:"grid,omitempty"`
	Texts    []string         `json:"texts,omitempty"`
	Bytes    []byte           `json:"bytes,omitempty"`
	Time     *time.Time       `json:"time,omitempty"`
	Raw      json.RawMessage  `json:"raw,omitempty"`
	Any      any              `json:"any,omitempty"`
	Sealed   *sealed          `json:"sealed,omitempty"`
	//lint:ignore U1000 a field that is not exported has no place in JSON
	hidden int
}

func fields(pairs ...string) *Unknown {
	u := &Unknown{Fields: map[string]json.RawMessage{}}
	for i := 0; i < len(pairs); i += 2 {
		u.Fields[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return u
}

func within(pairs ...any) *Unknown {
	u := &Unknown{Within: map[string]*Unknown{}}
	for i := 0; i < len(pairs); i += 2 {
		u.Within[pairs[i].(string)] = pairs[i+1].(*Unknown)
	}
	return u
}

// What a type has no place for is found, at any depth; all else is the type's own.
func TestUnknownIn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want *Unknown
	}{
		"nothing":               {`{}`, nil},
		"known fields":          {`{"kind":"dev","version":1,"port":2,"name":"a","Plain":3,"-":"d"}`, nil},
		"in another case":       {`{"NAME":"a","plain":3}`, nil},
		"in case of Unicode":    {`{"\u017fecret":"a","verſion":1,"\u212Aind":"a"}`, fields("\u017fecret", `"a"`)},
		"a field":               {`{"name":"a","color":{"r":1}}`, fields("color", `{"r":1}`)},
		"a null":                {`{"color":null}`, fields("color", `null`)},
		"one that is hidden":    {`{"Secret":"a"}`, fields("Secret", `"a"`)},
		"one not exported":      {`{"hidden":1}`, fields("hidden", `1`)},
		"one twice":             {`{"color":1,"color":2}`, fields("color", `2`)},
		"a large number":        {`{"color":12345678901234567890}`, fields("color", `12345678901234567890`)},
		"in an object":          {`{"inner":{"color":1}}`, within("inner", fields("color", `1`))},
		"two objects deep":      {`{"inner":{"inner":{"a":1}}}`, within("inner", within("inner", fields("a", `1`)))},
		"in another case, deep": {`{"INNER":{"color":1}}`, within("inner", fields("color", `1`))},
		"a null object":         {`{"inner":null}`, nil},
		"in an entry":           {`{"entries":{"A":{"a":1},"b":{}}}`, within("entries", within("A", fields("a", `1`)))},
		"in an element by name": {`{"items":[{"name":"x"},{"name":"y","path":"p","a":1}]}`,
			within("items", within(`name:"y"#0`, fields("a", `1`)))},
		"in an element by id": {`{"pointers":[{"id":7,"name":"n","a":1},null]}`,
			within("pointers", within(`id:7#0`, fields("a", `1`)))},
		"in an element without": {`{"items":[{"path":"p", "a":1}]}`,
			within("items", within(`{"path":"p"}#0`, fields("a", `1`)))},
		"in elements that are alike": {`{"items":[{"a":1},{"a":2}]}`,
			within("items", within(`{}#0`, fields("a", `1`), `{}#1`, fields("a", `2`)))},
		"in a list of lists": {`{"grid":[[],[{"name":"x","a":1}]]}`,
			within("grid", within(`[{"name":"x"}]#0`, within(`name:"x"#0`, fields("a", `1`))))},
		"in what is known wholly": {`{"texts":["a"],"bytes":"YQ==","time":"2026-01-01T00:00:00Z","raw":{"a":1},` +
			`"any":{"a":1},"sealed":{"a":1},"lists":{"a":[{"b":1}]}}`, nil},
		"a list":          {`[1]`, nil},
		"a list in place": {`{"inner":[{"a":1}],"items":{"a":1}}`, nil},
		"no JSON":         {`torn`, nil},
		"half of it":      {`{"color":1`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, UnknownIn([]byte(tt.text), outer{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is unknown goes with what it belongs to, and to where that is by now.
func TestAddTo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		old  string
		now  outer
		want string
	}{
		"nothing": {`{"name":"a"}`, outer{Name: "b"}, `{"version":0,"port":0,"name":"b"}`},
		"fields, sorted, behind": {`{"z":1,"a":{"c":[2]},"name":"a"}`, outer{Name: "b"},
			`{"version":0,"port":0,"name":"b","a":{"c":[2]},"z":1}`},
		"an emptied field": {`{"name":"a","z":1}`, outer{}, `{"version":0,"port":0,"z":1}`},
		"an object": {`{"inner":{"z":1}}`, outer{Inner: &outer{Plain: 1}},
			`{"version":0,"port":0,"inner":{"version":0,"port":0,"Plain":1,"z":1}}`},
		"an object that is gone": {`{"inner":{"z":1},"y":2}`, outer{}, `{"version":0,"port":0,"y":2}`},
		"entries": {`{"entries":{"a":{"z":1},"b":{"z":2}}}`,
			outer{Entries: map[string]item{"b": {Path: "p"}, "c": {}}},
			`{"version":0,"port":0,"entries":{"b":{"path":"p","z":2},"c":{}}}`},
		"named elements, in another order": {`{"items":[{"name":"x","z":1},{"name":"y","z":2},{"name":"gone","z":3}]}`,
			outer{Items: []item{{Name: "new"}, {Name: "y", Path: "p"}, {Name: "x"}}},
			`{"version":0,"port":0,"items":[{"name":"new"},{"name":"y","path":"p","z":2},{"name":"x","z":1}]}`},
		"an id before a name": {`{"pointers":[{"id":1,"name":"a","z":1}]}`,
			outer{Pointers: []*numbered{{2, "a"}, {1, "b"}}},
			`{"version":0,"port":0,"pointers":[{"id":2,"name":"a"},{"id":1,"name":"b","z":1}]}`},
		"elements without a name": {`{"items":[{"path":"p","z":1},{"path":"q","z":2}]}`,
			outer{Items: []item{{Path: "q"}, {Path: "changed"}}},
			`{"version":0,"port":0,"items":[{"path":"q","z":2},{"path":"changed"}]}`},
		"a name that is text to escape": {`{"a<\"b":1}`, outer{}, `{"version":0,"port":0,"a\u003c\"b":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			encoded, err := json.Marshal(tt.now)
			if err != nil {
				t.Fatal(err)
			}
			got, err := UnknownIn([]byte(tt.old), tt.now).AddTo(encoded)
			if err != nil || string(got) != tt.want {
				t.Errorf("%v\n got %s\nwant %s", err, got, tt.want)
			}
		})
	}
}

// FuzzRewrite decodes a document, encodes it, and adds what was unknown: nothing of it may be lost, and a second
// rewrite changes nothing.
func FuzzRewrite(f *testing.F) {
	for _, seed := range []string{
		`{}`,
		`{"name":"a","z":1,"inner":{"z":{"y":[1,{"x":null}]},"items":[{"name":"a","z":1},{"path":"b","z":2}]}}`,
		`{"items":[{"name":"a","z":1},{"name":"a","z":2},{"z":3},{"z":4},{"path":"","z":5}]}`,
		`{"entries":{"":{"z":1},"a":{"name":"b","entries":{"z":2}}},"lists":{"a":[{"z":1}]}}`,
		`{"grid":[[{"z":1}],[{"z":1},{"name":"a","z":2}],[]],"pointers":[null,{"id":0,"z":1},{"name":"a","z":2}]}`,
		`{"raw":{"z":1},"any":[{"z":1}],"sealed":{"z":1},"bytes":"YQ==","time":"2026-01-01T00:00:00Z"}`,
		`{"Secret":"a","hidden":1,"-":"b","z<":"\u003c","é":"\ud83d\ude00","n":1e400,"k":12345678901234567890}`,
		`{"inner":{"inner":{"inner":{"z":1,"entries":{"a":{"z":1}}}}}}`,
		`{"NAME":"a","Inner":{"Z":1},"ITEMS":[{"NAME":"a","Z":1}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var value outer
		if json.Unmarshal([]byte(text), &value) != nil {
			return
		}
		once := rewrite(t, text)
		if twice := rewrite(t, once); twice != once {
			t.Errorf("once  %s\ntwice %s", once, twice)
		}
		if want, got := UnknownIn([]byte(text), value), UnknownIn([]byte(once), value); !same(want, got) {
			t.Errorf("of  %s\ngot %s\n%s", text, once, cmp.Diff(want, got))
		}
		var again outer
		if err := json.Unmarshal([]byte(once), &again); err != nil {
			t.Fatalf("%s: %v", once, err)
		}
	})
}

// rewrite is a document after a build has read it and written it again.
func rewrite(t *testing.T, text string) string {
	t.Helper()
	var value outer
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	got, err := UnknownIn([]byte(text), value).AddTo(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(got) {
		t.Fatalf("of %s: %s", text, got)
	}
	return string(got)
}

// same compares what is unknown; of what it holds, only the writing may differ.
func same(a, b *Unknown) bool {
	one, err := json.Marshal(a)
	other, otherErr := json.Marshal(b)
	return err == nil && otherErr == nil && string(one) == string(other)
}

// The same document gives the same text each time.
func TestRewriteIsStable(t *testing.T) {
	t.Parallel()
	text := `{"c":1,"b":2,"a":3,"inner":{"f":1,"e":2,"d":3},"INNER":{"i":1,"h":2,"g":3},` +
		`"entries":{"x":{"k":1,"j":2},"w":{"m":1,"l":2}}}`
	first := rewrite(t, text)
	for range 50 {
		if again := rewrite(t, text); again != first {
			t.Fatalf("%s\n%s", first, again)
		}
	}
	if !strings.HasSuffix(first, `"a":3,"b":2,"c":1}`) {
		t.Error(first)
	}
	if !reflect.DeepEqual((*Unknown)(nil), UnknownIn(nil, nil)) {
		t.Error("nothing has something unknown")
	}
}
