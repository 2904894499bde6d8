package config

import "reflect"

// setDefaults sets what missing fields mean.
func setDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		text := field.Tag.Get("default")
		switch {
		case value.Kind() == reflect.Struct:
			setDefaults(value)
		case field.Type == reflect.TypeFor[Syncs]():
			one := make(Syncs, 1)
			setDefaults(reflect.ValueOf(&one[0]).Elem())
			value.Set(reflect.ValueOf(one))
		case text == "":
		case value.Kind() == reflect.String:
			value.SetString(text)
		case value.Kind() == reflect.Bool:
			value.SetBool(text == "true")
		}
	}
}
