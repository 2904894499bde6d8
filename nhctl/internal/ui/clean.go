package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Names, messages and paths come from colleagues, from code in pods and from files: a terminal would obey the control characters in them.
// All text goes through here on its way out, but a program's own output, which is the user's to ask for.

// Clean makes visible what a terminal would obey, or hide, in a text of several lines: control characters, what changes the direction of
// writing, and bytes that are no characters. New lines and tabs stay. Cleaning twice changes nothing.
func Clean(text string) string { return clean(text, "\n\t") }

// Line is Clean for a text of one line, or for a cell of a table.
func Line(text string) string { return clean(text, "") }

func clean(text, but string) string {
	if strings.IndexFunc(text, obeyed) < 0 && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case !obeyed(r) || strings.ContainsRune(but, r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// obeyed says whether a terminal does something else with a character than showing it.
func obeyed(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r < 0xa0: // C0, DEL, C1
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // directions
		return true
	}
	return r == 0x2028 || r == 0x2029 // ends of lines
}

// CleanWriter is a writer whose text is cleaned on its way to another.
func CleanWriter(to io.Writer) io.Writer { return cleanWriter{to} }

type cleanWriter struct{ to io.Writer }

func (w cleanWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.to, Clean(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// EncodeJSON is a value as a document that is safe to show: what the encoder leaves as it is, and a terminal would obey, is escaped. Such
// characters are in strings only, so the value stays the same.
func EncodeJSON(v any, indent string) ([]byte, error) {
	var document bytes.Buffer
	encoder := json.NewEncoder(&document)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	escaped := make([]byte, 0, document.Len())
	for _, r := range document.String() {
		if obeyed(r) && r != '\n' {
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		} else {
			escaped = utf8.AppendRune(escaped, r)
		}
	}
	return escaped, nil
}
