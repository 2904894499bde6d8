// Package sharedfile has a part of a text file that belongs to others, such as the hosts file: nhctl's lines stand
// between markers, and without them the file is byte for byte what it would have been. Edits of others are kept,
// whenever they are made. It knows nothing of what the lines say, nor of who writes them.
package sharedfile

import "strings"

const (
	opening = "# nhctl "
	begin   = ": begin"
	// unended is the beginning of a part behind a line that had no end.
	unended = ": begin, behind a line that had no end"
	end     = ": end"
	hidden  = "#nhctl "
)

// Put returns a text with lines of nhctl's at its end, or in place of those that it has for the same id. Lines have no
// line ends. Without lines, it returns the text without the part.
func Put(text, id string, lines []string) string {
	before, after, joined, found := cut(text, id)
	if len(lines) == 0 {
		return join(before, after, joined)
	}
	if !found && before != "" && !strings.HasSuffix(before, "\n") {
		joined = true
		before += "\n"
	}
	mark := begin
	if joined {
		mark = unended
	}
	return before + part(id, mark, lines) + after
}

// Remove returns a text without nhctl's part for an id, and with the lines that Replace has hidden.
func Remove(text, id string) string {
	before, after, joined, _ := cut(text, id)
	return reveal(join(before, after, joined), id)
}

// Replace returns a text that has nhctl's lines instead of all others: those become comments, until Remove.
func Replace(text, id string, lines []string) string {
	var b strings.Builder
	b.WriteString(part(id, begin, lines))
	for line := range strings.Lines(Remove(text, id)) {
		b.WriteString(hidden + id + "|" + line)
	}
	return b.String()
}

// Original returns a text as it would be without any part of nhctl's.
func Original(text string) string {
	for _, id := range IDs(text) {
		text = Remove(text, id)
	}
	return text
}

// IDs lists the ids of nhctl's parts of a text.
func IDs(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		rest, ours := strings.CutPrefix(line, opening)
		id, mark, marked := strings.Cut(rest, ":")
		if ours && marked && (":"+mark == begin || ":"+mark == unended) && id != "" {
			all = append(all, id)
		}
	}
	return all
}

// part is nhctl's part of a text.
func part(id, mark string, lines []string) string {
	var b strings.Builder
	b.WriteString(opening + id + mark + "\n")
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	b.WriteString(opening + id + end + "\n")
	return b.String()
}

// cut takes the part for an id out of a text. Joined says that the line before the part had no end. A part whose end is
// missing has no more than its marker: what follows may be someone else's.
func cut(text, id string) (before, after string, joined, found bool) {
	from, to, marker, at := -1, -1, 0, 0
	for line := range strings.Lines(text) {
		next := at + len(line)
		switch trimmed := strings.TrimRight(line, "\r\n"); {
		case from < 0 && (trimmed == opening+id+begin || trimmed == opening+id+unended):
			from, marker, joined = at, next, trimmed == opening+id+unended
		case from >= 0 && to < 0 && trimmed == opening+id+end:
			to = next
		}
		at = next
	}
	switch {
	case from < 0:
		return text, "", false, false
	case to < 0:
		to = marker
	}
	return text[:from], text[to:], joined, true
}

// join is a text without the part between.
func join(before, after string, joined bool) string {
	if joined && after == "" {
		before = strings.TrimSuffix(before, "\n")
	}
	return before + after
}

// reveal removes the comments that Replace has made.
func reveal(text, id string) string {
	if !strings.Contains(text, hidden+id+"|") {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimPrefix(line, hidden+id+"|"))
	}
	return b.String()
}
