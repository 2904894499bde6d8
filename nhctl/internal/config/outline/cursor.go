package outline

// Part says what of an entry a cursor is at.
type Part int

// The parts.
const (
	// Elsewhere is a comment, the text of a block, or behind a value: nothing begins there.
	Elsewhere Part = iota
	// Key is a key, or a place where one may begin; also an item that has no key yet.
	Key
	// Value is the value of an entry.
	Value
)

// Cursor is a place of a text where something is typed.
type Cursor struct {
	Part Part
	// Parent holds the entry that is typed: its other children are what is there already.
	Parent *Entry
	// Entry is what is typed; nil where it is not there yet.
	Entry *Entry
	// Word is what a completion replaces.
	Word Span
	// Fresh says that the line has nothing else, so that a list's next item may begin here.
	Fresh bool
	// Above is a key in the same column on the line before, without a value: its list's items may begin here.
	Above *Entry
	// Indent is the column where the key is, or would be.
	Indent int
	// Unspaced says that the colon before has no space behind it.
	Unspaced bool
}

// Path are the keys that lead to what is typed: to the mapping for a key, to the value itself for a value.
func (c Cursor) Path() []string {
	switch {
	case c.Part == Value && c.Entry != nil:
		return c.Entry.Path()
	case c.Part == Value:
		return append(c.Parent.Path(), Item)
	case c.Parent == nil:
		return nil
	default:
		return c.Parent.Path()
	}
}

// Keys are those that the mapping around a cursor has already; for a list's item, the item's own.
func (c Cursor) Keys() map[string]bool {
	keys, around := map[string]bool{}, c.Parent
	if c.Part == Value && c.Entry != nil && c.Entry.List() {
		around = c.Entry
	}
	if around == nil {
		return keys
	}
	for _, child := range around.Children {
		if child != c.Entry && !child.Bare && child.Name != Item {
			keys[child.Name] = true
		}
	}
	return keys
}

// Cursor is the place at an offset of the text.
func (t *Tree) Cursor(offset int) Cursor {
	offset = max(0, min(offset, len(t.Text)))
	if t.Commented(offset) {
		return Cursor{}
	}
	begin := t.lineStart(offset)
	e := t.last(offset)
	if e == nil {
		return t.fresh(t.Roots[0], begin, offset)
	}
	for around := e; around != nil; around = around.Parent {
		inside := offset < around.Value.End || offset == around.Value.End && t.open(around)
		if (around.Style == FlowMap || around.Style == FlowList) && around.Value.Start < offset && inside {
			return t.inFlow(around, offset)
		}
		if around.Style == Block && around.Value.Start < offset && offset <= around.Value.End {
			return Cursor{}
		}
	}
	if root := t.root(offset); e.Root() != root {
		return t.fresh(root, begin, offset)
	}
	switch {
	case e.Flow: // behind a closing bracket
		for e.Flow {
			e = e.Parent
		}
		if e.Value.End >= begin {
			return Cursor{}
		}
		return t.fresh(e, begin, offset)
	case e.Start() < begin && e.Style != None && e.Value.Start < offset && offset <= e.Value.End:
		return Cursor{Part: Value, Parent: e.Parent, Entry: e, Word: e.Value, Indent: e.Indent}
	case e.Start() < begin:
		return t.fresh(e, begin, offset)
	default:
		return t.onLine(e, offset)
	}
}

// root is the document of an offset.
func (t *Tree) root(offset int) *Entry {
	root := t.Roots[0]
	for _, r := range t.Roots[1:] {
		if r.Start() <= offset {
			root = r
		}
	}
	return root
}

// open says whether a collection lacks its closing bracket.
func (t *Tree) open(e *Entry) bool {
	if e.Value.End <= e.Value.Start+1 {
		return true
	}
	last := t.Text[e.Value.End-1]
	return last != '}' && last != ']'
}

// onLine is a cursor on the line of an entry, behind its beginning.
func (t *Tree) onLine(e *Entry, offset int) Cursor {
	c := Cursor{Parent: e.Parent, Entry: e, Indent: e.Indent}
	switch {
	case e.Bare:
		if offset <= e.Key.End {
			c.Part, c.Word, c.Fresh = Key, e.Key, true
		}
	case e.List():
		switch {
		case offset <= e.Key.End: // no space behind the dash
			return Cursor{}
		case e.Style == None:
			c.Part, c.Word = Value, Span{offset, offset}
			c.Indent = offset - t.lineStart(offset)
		case within(e.Value, offset):
			c.Part, c.Word = Value, e.Value
			c.Indent = e.Indent + e.Value.Start - e.Start()
		}
	case offset <= e.Key.End:
		c.Part, c.Word = Key, e.Key
	case e.Style == None && offset >= e.Value.Start:
		c.Part, c.Word, c.Unspaced = Value, Span{offset, offset}, offset == e.Value.Start
	case within(e.Value, offset):
		c.Part, c.Word = Value, e.Value
	}
	return c
}

// fresh is a cursor on a line where no entry begins; e is the last one above it.
func (t *Tree) fresh(e *Entry, begin, offset int) Cursor {
	for _, c := range []byte(t.Text[begin:t.lineEnd(offset)]) {
		if !blank(c) && !(begin == 0 && c >= 0x80) { // a byte order mark
			return Cursor{}
		}
	}
	column := offset - begin
	var above *Entry
	if !e.List() && !e.Bare && e.Parent != nil && e.Indent == column && e.Style == None {
		above = e
	}
	for e.Parent != nil && (e.Bare || e.Indent >= column) {
		e = e.Parent
	}
	if e.Parent != nil && e.Style != None {
		return Cursor{}
	}
	return Cursor{Part: Key, Parent: e, Word: Span{offset, offset}, Fresh: true, Above: above, Indent: column}
}

// inFlow is a cursor within the brackets of an entry.
func (t *Tree) inFlow(around *Entry, offset int) Cursor {
	fresh := Cursor{Part: Key, Parent: around, Word: Span{offset, offset}, Indent: around.Indent}
	if around.Style == FlowList {
		fresh.Part = Value
	}
	var e *Entry
	for _, child := range around.Children {
		if child.Start() <= offset {
			e = child
		}
	}
	if e == nil {
		return fresh
	}
	stop := max(e.Key.End, e.Value.End)
	c := Cursor{Parent: around, Entry: e, Indent: e.Indent}
	switch {
	case e.Name != Item && offset <= e.Key.End:
		c.Part, c.Word = Key, e.Key
	case offset > stop && (e.Style != None || e.Bare || e.Name == Item || comma(t.Text[stop:offset])):
		if comma(t.Text[stop:offset]) {
			return fresh
		}
	case e.Style == None:
		c.Part, c.Word, c.Unspaced = Value, Span{offset, offset}, offset == e.Value.Start && e.Name != Item
	case within(e.Value, offset):
		c.Part, c.Word = Value, e.Value
	}
	return c
}

func comma(text string) bool {
	for i := range len(text) {
		if text[i] == ',' {
			return true
		}
	}
	return false
}
