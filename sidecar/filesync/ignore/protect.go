package ignore

import (
	"path"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Protection says how paths travel, by their names. The zero value knows no exceptions.
type Protection struct {
	exceptions []string
}

// Protect returns a protection with exceptions: files that travel to the pod, though their names don't travel, such
// as a script that a command of the config names. Exceptions are relative paths with slashes.
func Protect(exceptions []string) Protection { return Protection{exceptions} }

// Of says how a path travels, and by which name of the table. A path below a folder has the folder's class, where
// that is the stricter.
func (p Protection) Of(rel string) Name {
	found := Name{}
	for part := range strings.FieldsFuncSeq(rel, func(r rune) bool { return r == '/' || r == '\\' }) {
		if n := ofName(part); n.Class > found.Class {
			found = n
		}
	}
	if found.Class == Never && p.excepts(rel) {
		found.Class, found.Reason = OneWay, "a command of the config names it; otherwise it would not travel, as "+
			found.Reason
	}
	return found
}

// excepts says whether a path is an exception, or a folder that holds one.
func (p Protection) excepts(rel string) bool {
	return slices.ContainsFunc(p.exceptions, func(e string) bool { return e == rel || strings.HasPrefix(e, rel+"/") })
}

// ByName lists the names that don't travel, wherever they are, in any case: those that no exception is below of.
// Other spellings of them, and what does not travel next to an exception, are among the tree's Ignored.
func (p Protection) ByName() []string {
	var list []string
	for _, n := range names {
		holds := func(e string) bool {
			return slices.ContainsFunc(strings.Split(e, "/"),
				func(part string) bool { return strings.EqualFold(part, n.Name) })
		}
		if n.Class == Never && !slices.ContainsFunc(p.exceptions, holds) {
			list = append(list, n.Name)
		}
	}
	return list
}

// ofName finds a name in the table, however a file system may spell it.
func ofName(part string) Name {
	plain := canonical(part)
	if plain == "" {
		return Name{}
	}
	table := byName()
	if n, ok := table[plain]; ok {
		return n
	}
	if n, ok := table["*"+path.Ext(plain)]; ok {
		return n
	}
	if !strings.Contains(plain, "~") {
		return Name{}
	}
	for _, n := range names {
		if short(plain, n.Name) {
			return n
		}
	}
	return Name{}
}

// byName is the table by name.
var byName = sync.OnceValue(func() map[string]Name {
	table := make(map[string]Name, len(names))
	for _, n := range names {
		table[n.Name] = n
	}
	return table
})

// canonical undoes what file systems leave out of a name: its case, code points that HFS+ ignores, a stream's name
// and trailing dots and spaces, which NTFS takes off.
func canonical(name string) string {
	name, _, _ = strings.Cut(name, ":")
	if !strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		return strings.TrimRight(strings.ToLower(name), ". ")
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		}
		least := r // 'ſ' is a spelling of 's', and the Kelvin sign one of 'k'
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return unicode.ToLower(least)
	}, name)
	return strings.TrimRight(name, ". ")
}

// short says whether a name is the short one, of eight characters and an end of three, that Windows makes of a longer
// one: GIT~1 of .git, or GI7EBA~1 where that was taken.
func short(plain, name string) bool {
	stem, number, found := strings.Cut(plain, "~")
	if !found || len(stem) > 6 || strings.Contains(name, "*") {
		return false
	}
	number, end, _ := strings.Cut(number, ".")
	if number == "" || strings.Trim(number, "0123456789") != "" {
		return false
	}
	long := strings.TrimLeft(name, ".")
	longEnd := ""
	if at := strings.LastIndexByte(long, '.'); at > 0 {
		long, longEnd = long[:at], long[at+1:]
	}
	long = strings.ReplaceAll(long, ".", "")
	if end != longEnd[:min(3, len(longEnd))] {
		return false
	}
	hashed := len(stem) == 6 && strings.HasPrefix(stem, long[:min(2, len(long))]) &&
		strings.Trim(stem[2:], "0123456789abcdef") == ""
	return stem == long[:min(6, len(long))] || hashed
}
