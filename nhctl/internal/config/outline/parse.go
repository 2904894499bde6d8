package outline

import "strings"

// maxDepth is how deep entries lie inside each other; what is deeper is text.
const maxDepth = 100

// Parse reads a text.
func Parse(text string) *Tree {
	p := &parser{text: text, tree: &Tree{Text: text}}
	p.document(0)
	for at := 0; at < len(text); {
		at = p.line(at)
	}
	for _, root := range p.tree.Roots {
		root.End = max(root.End, root.Value.End)
	}
	for i := len(p.tree.Entries) - 1; i >= 0; i-- {
		e := p.tree.Entries[i]
		e.End = max(e.End, e.Key.End, e.Value.End)
		e.Parent.End = max(e.Parent.End, e.End)
	}
	return p.tree
}

// parser is the state of Parse.
type parser struct {
	text string
	tree *Tree
	// last is the last key or item in lines of its own, or the root.
	last *Entry
	// depth counts the entries from the root to last.
	depth int
}

func (p *parser) document(at int) {
	p.last, p.depth = &Entry{Indent: -1, Key: Span{at, at}, Value: Span{at, at}, End: at}, 0
	p.tree.Roots = append(p.tree.Roots, p.last)
}

// line reads what begins on a line, and returns where the next line to read begins.
func (p *parser) line(begin int) int {
	if begin == 0 && strings.HasPrefix(p.text, bom) {
		begin = len(bom)
	}
	end := lineEnd(p.text, begin)
	at := p.spaces(begin, end)
	switch rest := p.text[at:end]; {
	case rest == "":
	case rest[0] == '#':
		p.comment(at, end)
	case at == begin && (strings.HasPrefix(rest, "---") || strings.HasPrefix(rest, "...")) &&
		(len(rest) == 3 || blank(rest[3])):
		// What begins the text needs no second document.
		if len(p.tree.Entries) > 0 || rest[0] == '.' {
			p.document(min(end+1, len(p.text)))
		}
	case at == begin && rest[0] == '%':
	default:
		end = max(end, p.entries(begin, at, end))
	}
	return p.next(end)
}

// next is where the line behind an offset begins.
func (p *parser) next(at int) int {
	if n := strings.IndexByte(p.text[at:], '\n'); n >= 0 {
		return at + n + 1
	}
	return len(p.text)
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// spaces is where text begins again.
func (p *parser) spaces(at, end int) int {
	for at < end && (p.text[at] == ' ' || p.text[at] == '\t') {
		at++
	}
	return at
}

// bom is the byte order mark that editors on Windows begin a file with.
const bom = "\ufeff"

func (p *parser) comment(at, end int) { p.tree.Comments = append(p.tree.Comments, Span{at, end}) }

// entries reads the entries that begin on a line: any number of dashes, and a key or a value. It returns where they
// end.
func (p *parser) entries(begin, at, end int) int {
	var item *Entry
	for p.text[at] == '-' && (at+1 == end || blank(p.text[at+1])) && p.depth < maxDepth {
		p.climb(at-begin, true)
		item = p.add(&Entry{Name: Item, Indent: at - begin, Key: Span{at, at + 1}, Value: Span{at + 1, at + 1}})
		if at = p.spaces(at+1, end); at == end || p.text[at] == '#' {
			return p.rest(at, end)
		}
	}
	anchored := at
	if item != nil {
		anchored, _ = p.properties(at, end)
	}
	if name, key, behind := p.key(anchored, end); behind > 0 && p.depth < maxDepth {
		if item != nil {
			_, item.Anchor = p.properties(at, end)
		}
		p.climb(anchored-begin, false)
		e := p.add(&Entry{Name: name, Indent: anchored - begin, Key: key, Value: Span{behind, behind}})
		return p.value(e, behind, end)
	}
	if item != nil {
		return p.value(item, at, end)
	}
	return p.bare(begin, at, end)
}

// bare reads a line without a key: a value of the entry above, more of its text, or half a key.
func (p *parser) bare(begin, at, end int) int {
	p.climb(at-begin, false)
	e := p.last
	switch {
	case e.Style == Plain && e.Parent != nil:
		stop := p.plain(at, end)
		e.Value.End = stop
		return p.rest(stop, end)
	case e.Style == None && len(e.Children) == 0 && strings.IndexByte(`{["'|>&!*`, p.text[at]) >= 0:
		return p.value(e, at, end)
	}
	stop := p.plain(at, end)
	if stop == at { // such as a closing bracket
		return end
	}
	half := &Entry{Name: p.text[at:stop], Bare: true, Indent: at - begin, Key: Span{at, stop}, Value: Span{stop, stop}}
	half.Parent = e
	e.Children = append(e.Children, half)
	p.tree.Entries = append(p.tree.Entries, half)
	return p.rest(stop, end)
}

// climb makes last the entry that one in a column is in.
func (p *parser) climb(column int, item bool) {
	for p.last.Parent != nil && (p.last.Indent > column || p.last.Indent == column &&
		(!item || p.last.List() || p.last.Style != None)) {
		p.last = p.last.Parent
		p.depth--
	}
}

// add adds an entry below the last one, and makes it the last.
func (p *parser) add(e *Entry) *Entry {
	e.Parent = p.last
	p.last.Children = append(p.last.Children, e)
	p.tree.Entries = append(p.tree.Entries, e)
	p.last = e
	p.depth++
	return e
}

// key reads a key and its colon. behind is where the colon ends; 0 where there is no key.
func (p *parser) key(at, end int) (name string, key Span, behind int) {
	if at >= end {
		return "", Span{}, 0
	}
	colon := -1
	switch c := p.text[at]; {
	case c == '"' || c == '\'':
		closed := closing(p.text, at, end)
		if closed < 0 {
			return "", Span{}, 0
		}
		colon = p.spaces(closed, end)
	case strings.IndexByte("{[]}#&*!|>%@`,", c) >= 0:
		return "", Span{}, 0
	default:
		for colon = at; colon < end; colon++ {
			if p.text[colon] == ':' && (colon+1 == end || blank(p.text[colon+1])) ||
				p.text[colon] == '#' && blank(p.text[colon-1]) {
				break
			}
		}
	}
	if colon >= end || p.text[colon] != ':' || colon+1 < end && !blank(p.text[colon+1]) {
		return "", Span{}, 0
	}
	key = Span{at, at + len(strings.TrimRight(p.text[at:colon], " \t"))}
	return unquoted(p.text[key.Start:key.End]), key, colon + 1
}

// properties reads an anchor and a tag, and returns where the value behind them begins.
func (p *parser) properties(at, end int) (value int, anchor string) {
	for at < end && (p.text[at] == '&' || p.text[at] == '!') {
		stop := at
		for stop < end && !blank(p.text[stop]) {
			stop++
		}
		if p.text[at] == '&' {
			anchor = p.text[at+1 : stop]
		}
		at = p.spaces(stop, end)
	}
	return at, anchor
}

// value reads what is behind a key or a dash, and returns where it ends.
func (p *parser) value(e *Entry, at, end int) int {
	at = p.spaces(at, end)
	var anchor string
	if at, anchor = p.properties(at, end); anchor != "" {
		e.Anchor = anchor
	}
	if at == end || p.text[at] == '#' && at > 0 && blank(p.text[at-1]) {
		return p.rest(at, end)
	}
	stop := at
	switch c := p.text[at]; c {
	case '|', '>':
		e.Style, stop = Block, p.block(e, end)
		e.Value = Span{at, stop}
		return stop
	case '{', '[':
		return p.collection(e, at)
	case '"', '\'':
		e.Style, stop = Quoted, p.quoted(e, at, end)
		end = max(end, lineEnd(p.text, stop))
	case '*':
		e.Style, stop = Alias, p.plain(at, end)
	default:
		e.Style, stop = Plain, p.plain(at, end)
	}
	e.Value = Span{at, stop}
	return p.rest(stop, end)
}

// rest reads the comment behind a value.
func (p *parser) rest(at, end int) int {
	if n := strings.IndexByte(p.text[at:end], '#'); n >= 0 && (n > 0 || at > 0 && blank(p.text[at-1])) {
		p.comment(at+n, end)
	}
	return end
}

// plain is where text without quotes ends on its line.
func (p *parser) plain(at, end int) int {
	text := p.text[at:end]
	if n := strings.Index(text, " #"); n >= 0 {
		text = text[:n]
	}
	return at + len(strings.TrimRight(text, " \t"))
}

// block is where the lines of a block text end.
func (p *parser) block(e *Entry, end int) int {
	for at := p.next(end); at < len(p.text); {
		stop := lineEnd(p.text, at)
		if text := p.spaces(at, stop); text < stop {
			if text-at <= e.Indent {
				break
			}
			end = stop
		}
		at = p.next(stop)
	}
	return end
}

// quoted is where a quoted text ends, which may have several lines below its entry.
func (p *parser) quoted(e *Entry, at, end int) int {
	stop := closing(p.text, at, end)
	for line := end; stop < 0; {
		begin := p.next(line)
		line = lineEnd(p.text, begin)
		text := p.spaces(begin, line)
		if begin >= len(p.text) || text < line && text-begin <= e.Indent {
			return end // it is not closed yet
		}
		// Beginning again at the opening quote is quadratic, so only few lines may follow.
		if line-at > maxQuoted {
			return end
		}
		stop = closing(p.text, at, line)
	}
	return stop
}

// maxQuoted limits a quoted text of several lines, in bytes.
const maxQuoted = 4096

// closing is where a quoted text that begins at a place ends, behind its quote; -1 where it does not end.
func closing(text string, begin, end int) int {
	mark := text[begin]
	for i := begin + 1; i < end; i++ {
		switch {
		case mark == '"' && text[i] == '\\', mark == '\'' && text[i] == mark && i+1 < end && text[i+1] == mark:
			i++
		case text[i] == mark:
			return i + 1
		}
	}
	return -1
}
