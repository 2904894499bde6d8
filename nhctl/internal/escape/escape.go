// Package escape makes text from elsewhere safe to show. Names, messages and paths come from colleagues, from code in
// pods and from files, and a terminal would obey the control characters in them. All text goes through here on its way
// out, except for a program's own output, which the user asked for. The package knows nothing of what the text is
// about.
package escape

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Text escapes the characters of a text of several lines that a terminal would obey or hide: control characters,
// characters that change the direction of writing or take no room, and bytes that are no characters. New lines and tabs
// stay. Escaping twice changes nothing.
func Text(text string) string { return escape(text, "\n\t") }

// Line is Text for a text of one line, or for a cell of a table: new lines and tabs are escaped, too.
func Line(text string) string { return escape(text, "") }

func escape(text, but string) string {
	if strings.IndexFunc(text, unsafe) < 0 && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case !unsafe(r) || strings.ContainsRune(but, r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// Joiners shape the letters next to them in many scripts, and emoji.
const (
	zeroWidthNonJoiner = 0x200c
	zeroWidthJoiner    = 0x200d
)

// unsafe says whether a terminal does something else with a character than showing it.
func unsafe(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r < ' ' || r == 0x7f
	case r == zeroWidthNonJoiner, r == zeroWidthJoiner, unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Writer is a writer whose text is escaped on its way to another.
func Writer(to io.Writer) io.Writer { return writer{to} }

type writer struct{ to io.Writer }

func (w writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.to, Text(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// JSON is a value as a document that is safe to show. The encoder leaves some unsafe characters as they are; they can
// only be in strings, where JSON's own escapes stand for them. So the value stays the same.
func JSON(v any, indent string) ([]byte, error) {
	var document bytes.Buffer
	encoder := json.NewEncoder(&document)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	escaped := make([]byte, 0, document.Len())
	for _, r := range document.String() {
		if !unsafe(r) || r == '\n' {
			escaped = utf8.AppendRune(escaped, r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			escaped = fmt.Appendf(escaped, `\u%04x`, unit)
		}
	}
	return escaped, nil
}
