package publicimage

import "path"

// Variable is one of a container's environment.
type Variable struct{ Name, Value string }

// Caches are the variables that lead what a language's tools download and compile into one folder, which a volume can
// keep: public images have them in the user's home or elsewhere in the container, where they end with the pod.
func Caches(language, folder string) []Variable {
	in := func(name string) string { return path.Join(folder, name) }
	switch language {
	case "go":
		return []Variable{{"GOCACHE", in("go-build")}, {"GOMODCACHE", in("go-mod")}}
	case "node":
		return []Variable{{"NPM_CONFIG_CACHE", in("npm")}}
	case "python":
		return []Variable{{"PIP_CACHE_DIR", in("pip")}}
	case "java":
		return []Variable{
			{"MAVEN_ARGS", "-Dmaven.repo.local=" + in("maven")},
			{"GRADLE_USER_HOME", in("gradle")},
		}
	case "ruby":
		return []Variable{{"BUNDLE_PATH", in("bundle")}}
	case "rust":
		return []Variable{{"CARGO_HOME", in("cargo")}}
	case "php":
		return []Variable{{"COMPOSER_CACHE_DIR", in("composer")}}
	case "csharp":
		return []Variable{{"NUGET_PACKAGES", in("nuget")}}
	}
	return nil
}
