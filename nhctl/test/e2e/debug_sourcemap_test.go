//go:build e2e

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// position is a place in a script that runs, from 0.
type position struct{ line, column int }

// compiled finds where a line of a source file (from 1) is in what was compiled of it, by an inline source map, as an
// editor does. relative is the file below the synced folder.
func compiled(sourceMapURL, relative string, line int) (position, bool) {
	_, data, ok := strings.Cut(sourceMapURL, ";base64,")
	if !ok {
		return position{}, false
	}
	text, err := base64.StdEncoding.DecodeString(data)
	var m struct {
		Sources  []string `json:"sources"`
		Mappings string   `json:"mappings"`
	}
	if err != nil || json.Unmarshal(text, &m) != nil {
		return position{}, false
	}
	var source, original int
	for generated, segments := range strings.Split(m.Mappings, ";") {
		column := 0
		for segment := range strings.SplitSeq(segments, ",") {
			fields := variableLength(segment)
			if len(fields) < 4 {
				continue
			}
			column, source, original = column+fields[0], source+fields[1], original+fields[2]
			if original == line-1 && sameFile(m.Sources[source], relative) {
				return position{generated, column}, true
			}
		}
	}
	return position{}, false
}

// sameFile says whether a source map's name for a file, absolute or relative to anything, may mean one below the synced
// folder.
func sameFile(name, relative string) bool {
	name, _, _ = strings.Cut(name, "?") // webpack puts a hash behind it
	if at := strings.LastIndex(name, "./"); at >= 0 {
		name = name[at+len("./"):]
	}
	return strings.HasSuffix("/"+name, "/"+relative) || strings.HasSuffix("/"+relative, "/"+name)
}

// variableLength reads the numbers of a segment of a source map.
func variableLength(segment string) []int {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	const more, bits = 32, 5
	var all []int
	value, shift := 0, 0
	for _, c := range segment {
		digit := strings.IndexRune(digits, c)
		value |= (digit &^ more) << shift
		if shift += bits; digit&more != 0 {
			continue
		}
		if number := value >> 1; value&1 != 0 {
			all = append(all, -number)
		} else {
			all = append(all, number)
		}
		value, shift = 0, 0
	}
	return all
}
