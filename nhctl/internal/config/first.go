package config

import "go.yaml.in/yaml/v3"

// FirstFormat says whether a config is in Nocalhost's first format, in either of its forms: svcConfigs with devImage
// and devPort, or services with devContainerImage and devPorts. `nhctl config import` translates it.
func FirstFormat(data []byte) bool {
	var document yaml.Node
	return yaml.Unmarshal(data, &document) == nil && len(document.Content) > 0 &&
		firstFormat(document.Content[0]) != nil
}

// firstFormat is the key that gives the first format away; nil in any other file.
func firstFormat(root *yaml.Node) *yaml.Node {
	for _, p := range pairs(root) {
		switch p.key.Value {
		case "svcConfigs", "appConfig", "preInstalls":
			return p.key
		case "services", "service":
			for _, service := range items(p.value) {
				for _, field := range pairs(service) {
					switch field.key.Value {
					case "devContainerImage", "devContainerShell", "devContainerResources", "syncDirs", "devPorts",
						"syncFilePattern",
						"dependJobsLabelSelector", "dependPodsLabelSelector", "buildCommand", "runCommand",
						"debugCommand":
						return field.key
					}
				}
			}
		}
	}
	return nil
}

// firstFormat tells of a config in Nocalhost's first format, once instead of for each of its fields.
func (d *decoder) firstFormat(root *yaml.Node) bool {
	key := firstFormat(root)
	if key == nil {
		return false
	}
	d.fail(key, "%s is of Nocalhost's first format, before application and services; translate the file with `nhctl "+
		"config import`", key.Value)
	return true
}
