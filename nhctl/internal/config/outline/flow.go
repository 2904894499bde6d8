package outline

import "strings"

// collection reads the {} or [] of an entry that has lines of its own, and returns where its last line ends.
func (p *parser) collection(e *Entry, at int) int {
	f := flow{parser: p, block: e}
	stop := f.entries(e, at, p.depth)
	return p.rest(stop, lineEnd(p.text, stop))
}

// flow reads what is within brackets.
type flow struct {
	*parser
	// block is the entry that the outermost bracket belongs to: a line that is not below it ends all of them.
	block *Entry
}

// entries reads the entries of a collection from its opening bracket on, and returns where it ends.
func (f *flow) entries(e *Entry, at, depth int) int {
	e.Style, e.Value = FlowMap, Span{at, at + 1}
	if f.text[at] == '[' {
		e.Style = FlowList
	}
	at++
	for {
		next, open := f.skip(at)
		if !open {
			e.Value.End = next
			return next
		}
		at = next
		switch c := f.text[at]; {
		case c == '}' || c == ']':
			e.Value.End = at + 1
			return at + 1
		case depth >= maxDepth:
			e.Value.End = lineEnd(f.text, at)
			return e.Value.End
		default:
			at = f.entry(e, at, depth+1)
		}
	}
}

// skip leaves out spaces, commas, line breaks and comments. open is false where a line ends the collection.
func (f *flow) skip(at int) (next int, open bool) {
	for at < len(f.text) {
		switch c := f.text[at]; {
		case c == '\n':
			begin := at + 1
			end := lineEnd(f.text, begin)
			text := f.spaces(begin, end)
			if text < end && text-begin <= f.block.Indent && f.text[text] != '}' && f.text[text] != ']' ||
				text == begin && strings.HasPrefix(f.text[begin:end], "---") {
				return at, false
			}
			at = begin
		case blank(c) || c == ',':
			at++
		case c == '#' && blank(f.text[at-1]):
			end := lineEnd(f.text, at)
			f.comment(at, end)
			at = end
		default:
			return at, true
		}
	}
	return at, false
}

// entry reads one entry of a collection, and returns where it ends.
func (f *flow) entry(parent *Entry, at, depth int) int {
	e := &Entry{Parent: parent, Flow: true, Indent: f.block.Indent}
	parent.Children = append(parent.Children, e)
	f.tree.Entries = append(f.tree.Entries, e)
	if parent.Style == FlowList {
		e.Name, e.Key = Item, Span{at, at}
		return f.value(e, at, depth)
	}
	stop := f.word(at, ":")
	if stop == at { // a colon without a key
		stop++
	}
	e.Key = Span{at, stop}
	e.Name, e.Value = unquoted(f.text[at:stop]), Span{stop, stop}
	colon := f.spaces(stop, lineEnd(f.text, stop))
	if colon >= len(f.text) || f.text[colon] != ':' {
		e.Bare = true
		return stop
	}
	e.Value = Span{colon + 1, colon + 1}
	at = f.spaces(colon+1, lineEnd(f.text, colon+1))
	if at >= len(f.text) || strings.IndexByte(",}]\r\n", f.text[at]) >= 0 {
		return at
	}
	return f.value(e, at, depth)
}

// value reads the value of an entry, and returns where it ends.
func (f *flow) value(e *Entry, at, depth int) int {
	at, e.Anchor = f.properties(at, lineEnd(f.text, at))
	if at >= len(f.text) {
		e.Value = Span{at, at}
		return at
	}
	switch c := f.text[at]; {
	case c == '{' || c == '[':
		return f.entries(e, at, depth)
	case c == '"' || c == '\'':
		e.Style = Quoted
	case c == '*':
		e.Style = Alias
	default:
		e.Style = Plain
	}
	stop := f.word(at, "")
	if stop == at && at < len(f.text) && !blank(f.text[at]) && strings.IndexByte(",}]", f.text[at]) < 0 {
		stop++ // a bracket that opens nothing
	}
	if stop == at {
		e.Style = None
	}
	e.Value = Span{at, stop}
	return stop
}

// word is where a text within brackets ends: with its quote, or before a bracket, a comma, a comment, the line's end,
// or a mark that is followed by what may stand behind a colon.
func (f *flow) word(at int, mark string) int {
	end := lineEnd(f.text, at)
	if at < end && (f.text[at] == '"' || f.text[at] == '\'') {
		if stop := closing(f.text, at, end); stop > 0 {
			return stop
		}
		return end
	}
	i := at
loop:
	for ; i < end; i++ {
		switch c := f.text[i]; {
		case c == '$' && i+1 < end && f.text[i+1] == '{': // a variable has brackets of its own
			if n := strings.IndexByte(f.text[i:end], '}'); n > 0 {
				i += n
			}
		case strings.IndexByte("{}[],", c) >= 0, c == '#' && i > at && blank(f.text[i-1]):
			break loop
		case mark != "" && c == mark[0] && (i+1 == end || strings.IndexByte(" \t,{}[]", f.text[i+1]) >= 0):
			break loop
		}
	}
	return at + len(strings.TrimRight(f.text[at:i], " \t"))
}
