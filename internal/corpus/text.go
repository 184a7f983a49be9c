package corpus

import (
	"fmt"
	"strings"
)

// linkFormat is a resource directory or the answer of /.well-known/core (RFC 6690).
func linkFormat(g *gen) []byte {
	var links []string
	if g.Intn(3) == 0 {
		links = append(links, `</.well-known/core>;ct=40`)
	}
	for _, i := range g.Perm(len(quantities))[:1+g.Intn(5)] {
		q := quantities[i]
		l := "</" + g.pick("sensors/", "sensor/", "s/", "") + g.pick(q.name, q.short) + ">"
		for _, a := range g.some(1, 4,
			`;rt="`+q.rt+`"`, `;if="`+g.pick("sensor", "core.s", "core.rp", "core.a", "core.p")+`"`,
			`;ct=`+g.pick("0", "40", "50", "60", "110", "112"), `;obs`, `;sz=`+fmt.Sprint(64<<g.Intn(5)),
			`;title="`+g.pick("Temperature in Celsius", "Relative humidity", "Battery level", "Internal clock", "Status")+`"`) {
			l += a
		}
		links = append(links, l)
	}
	switch g.Intn(4) {
	case 0:
		links = append(links, `</time>;if="clock";rt="ticks";title="Internal Clock";ct=0;obs`)
	case 1:
		links = append(links, `</actuators/`+g.pick("led", "relay", "valve", "pump")+`>;rt="`+g.pick("oic.r.switch.binary", "light", "actuator")+`";if="core.a"`)
	case 2:
		links = append(links, `<coap://[2001:db8:`+g.hex(1)+`::`+g.hex(2)+`]/t>;anchor="/sensors/temp";rel="alternate"`)
	}
	return []byte(join(links, ","))
}

// senmlJSON is a SenML pack (RFC 8428).
func senmlJSON(g *gen) []byte {
	var records []string
	base := `"bn":"` + g.name() + g.pick(":", "/", "") + `"`
	if g.Intn(2) == 0 {
		base += fmt.Sprintf(`,"bt":%d`, g.time())
		if g.Intn(3) == 0 {
			base += fmt.Sprintf(".%03d", g.Intn(1000))
		}
	}
	same := g.Intn(2) == 0
	q := g.quantity()
	if same {
		base += `,"bu":"` + q.unit + `"`
	}
	if g.Intn(5) == 0 {
		base += `,"bver":` + g.pick("5", "10")
	}
	n := 1 + g.Intn(6)
	name := g.pick(q.name, q.short)
	for i := range n {
		r := ""
		if i == 0 {
			r = base + ","
		}
		if !same {
			q = g.quantity()
			name = g.pick(q.name, q.short)
		}
		r += `"n":"` + name + `"`
		if same && n > 1 {
			r += fmt.Sprintf(`,"t":%d`, -10*(n-1-i))
		} else if !same {
			r += `,"u":"` + q.unit + `"`
		}
		if g.Intn(12) == 0 {
			r += `,"vs":"` + g.pick("on", "off", "open", "closed", "error", "Machine Room") + `"`
		} else if g.Intn(12) == 0 {
			r += `,"vb":` + g.pick("true", "false")
		} else {
			r += `,"v":` + g.value(q)
		}
		records = append(records, "{"+r+"}")
	}
	return []byte("[" + join(records, ",") + "]")
}

// lwm2m is what a LwM2M client and its server say in text: registrations, SenML JSON
// and the older JSON of the objects that everybody has.
func lwm2m(g *gen) []byte {
	switch g.Intn(3) {
	case 0: // the body of a registration
		links := []string{`</>;rt="oma.lwm2m";ct=` + g.pick("110", "112", "11543", "60")}
		if g.Intn(2) == 0 {
			links[0] = `</>;rt="oma.lwm2m"`
		}
		links = append(links, g.some(2, 9, "</1/0>", "</3/0>", "</4/0>", "</5/0>", "</6/0>", "</7/0>", "</2/0>", "</31024/1>", "</3303/0>", "</3304/0>",
			"</3311/0>", "</3312/0>", "</3347/0>", "</19/0>", "</3/0>;ver=1.1", "</1>;ver=1.1", "</3303/1>")...)
		return []byte(join(links, ","))
	case 1:
		q := g.quantity()
		instance := g.Intn(3)
		var records []string
		for i, r := range g.some(1, 5, "5700", "5601", "5602", "5603", "5604", "5701", "5518") {
			s := ""
			if i == 0 {
				s = fmt.Sprintf(`"bn":"/%d/%d/",`, q.object, instance)
				if g.Intn(2) == 0 {
					s += fmt.Sprintf(`"bt":%d,`, g.time())
				}
			}
			s += `"n":"` + r + `",`
			if r == "5701" {
				s += `"vs":"` + q.unit + `"`
			} else {
				s += `"v":` + g.value(q)
			}
			records = append(records, "{"+s+"}")
		}
		if g.Intn(3) == 0 {
			return []byte(fmt.Sprintf(`{"bn":"/%d/%d/","e":[%s]}`, q.object, instance, strings.Replace(join(records, ","), fmt.Sprintf(`"bn":"/%d/%d/",`, q.object, instance), "", 1)))
		}
		return []byte("[" + join(records, ",") + "]")
	}
	fields := g.some(3, 7,
		`{"n":"0","vs":"`+g.pick("Example Devices", "Harbour Instruments", "Acme Sensors", "Northwind")+`"}`,
		`{"n":"1","vs":"`+g.pick("Room Sensor 3", "EnviroNode 2", "TH-100", "Meter 7")+`"}`,
		`{"n":"2","vs":"`+fmt.Sprint(100000000+g.Intn(899999999))+`"}`, `{"n":"3","vs":"`+fmt.Sprintf("%d.%d.%d", g.Intn(4), g.Intn(10), g.Intn(30))+`"}`,
		`{"n":"9","v":`+fmt.Sprint(g.Intn(101))+`}`, `{"n":"11/0","v":`+fmt.Sprint(g.Intn(4))+`}`, fmt.Sprintf(`{"n":"13","v":%d}`, g.time()),
		`{"n":"14","vs":"+0`+fmt.Sprint(g.Intn(4))+`:00"}`, `{"n":"16","vs":"`+g.pick("U", "UQ", "UQS")+`"}`, `{"n":"15","vs":"`+g.pick("Europe/Paris", "Europe/Berlin", "America/Chicago", "Asia/Tokyo")+`"}`)
	fields[0] = `{"bn":"/3/0/",` + fields[0][1:]
	return []byte("[" + join(fields, ",") + "]")
}

// jsonTelemetry is a message of a sensor, in the styles that vendors have.
func jsonTelemetry(g *gen) []byte {
	var fields []string
	add := func(format string, args ...any) { fields = append(fields, fmt.Sprintf(format, args...)) }
	style := g.Intn(4)
	switch style {
	case 0:
		add(`"deviceId":"%s"`, g.name())
		add(`"timestamp":"%s"`, g.iso())
	case 1:
		add(`"id":"%s"`, g.name())
		add(`"ts":%d`, g.time())
	case 2:
		add(`"device":{"id":"%s","fw":"%d.%d.%d"}`, g.name(), g.Intn(4), g.Intn(10), g.Intn(20))
		add(`"time":%d`, g.time()*1000+int64(g.Intn(1000)))
	case 3:
		add(`"dev_eui":"%s"`, strings.ToUpper(g.hex(8)))
		add(`"fcnt":%d`, g.Intn(70000))
		add(`"rssi":%d`, -50-g.Intn(75))
		add(`"snr":%s`, g.dec(-15, 12, 1))
	}
	var values []string
	for _, i := range g.Perm(len(quantities))[:1+g.Intn(5)] {
		q := quantities[i]
		name := q.name
		if style == 1 {
			name = q.short
		}
		if style == 2 && g.Intn(3) == 0 {
			values = append(values, fmt.Sprintf(`"%s":{"value":%s,"unit":"%s"}`, name, g.value(q), q.unit))
			continue
		}
		values = append(values, fmt.Sprintf(`"%s":%s`, name, g.value(q)))
	}
	if style >= 2 {
		add(`"%s":{%s}`, g.pick("data", "payload", "values", "measurements", "sensors"), join(values, ","))
	} else {
		fields = append(fields, values...)
	}
	if g.Intn(3) == 0 {
		add(`"status":"%s"`, g.pick("ok", "OK", "online", "normal", "low_battery"))
	}
	if g.Intn(4) == 0 {
		add(`"location":{"lat":%s,"lon":%s}`, g.dec(35, 60, 5), g.dec(-10, 30, 5))
	}
	if g.Intn(4) == 0 { // as languages print it by default
		return []byte(strings.NewReplacer(`":`, `": `, `,"`, `, "`).Replace("{" + join(fields, ",") + "}"))
	}
	return []byte("{" + join(fields, ",") + "}")
}

// jsonEvents are commands, answers, states and errors.
func jsonEvents(g *gen) []byte {
	switch g.Intn(6) {
	case 0:
		return []byte(fmt.Sprintf(`{"type":"%s","severity":"%s","source":"%s","message":"%s","time":"%s"}`,
			g.pick("alarm", "event", "alert"), g.pick("info", "warning", "error", "critical", "minor", "major"), g.name(),
			g.pick("threshold exceeded", "sensor failure", "battery low", "connection lost", "door opened", "motion detected", "tamper detected"), g.iso()))
	case 1:
		return []byte(fmt.Sprintf(`{"cmd":"%s","id":%d,"params":{"%s":%s}}`, g.pick("set", "get", "reboot", "update", "configure"), g.Intn(100000),
			g.pick("state", "level", "interval", "setpoint", "enabled"), g.pick("true", "false", `"on"`, `"off"`, fmt.Sprint(g.Intn(3600)))))
	case 2:
		return []byte(fmt.Sprintf(`{"state":{"reported":{"power":"%s","brightness":%d,"color":{"r":%d,"g":%d,"b":%d},"connected":%s}}}`,
			g.pick("on", "off"), g.Intn(101), g.Intn(256), g.Intn(256), g.Intn(256), g.pick("true", "false")))
	case 3:
		return []byte(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"success":true,"value":%s}}`, g.Intn(10000), g.dec(0, 100, 2)))
	case 4:
		return []byte(fmt.Sprintf(`{"type":"about:blank","title":"%s","status":%s,"detail":"%s"}`, g.pick("Not Found", "Bad Request", "Unauthorized", "Internal Server Error"),
			g.pick("400", "401", "404", "500", "503"), g.pick("no such resource", "invalid value", "missing parameter", "device is offline", "try again later")))
	}
	return []byte(fmt.Sprintf(`{"interval":%d,"enabled":%s,"threshold":{"min":%s,"max":%s},"server":"coap://[2001:db8::%s]:5683","version":%d}`,
		60*(1+g.Intn(60)), g.pick("true", "false"), g.dec(-20, 10, 1), g.dec(20, 60, 1), g.hex(2), 1+g.Intn(9)))
}

// jsonOCF is a resource in the manner of OCF.
func jsonOCF(g *gen) []byte {
	kind := g.pick("temperature", "humidity", "switch.binary", "light.dimming", "energy.battery", "sensor.motion", "sensor.contact")
	prop := map[string]string{
		"temperature": `"temperature":` + g.dec(-10, 40, 1) + `,"units":"C","range":[-40.0,85.0]`, "humidity": `"humidity":` + fmt.Sprint(g.Intn(101)),
		"switch.binary": `"value":` + g.pick("true", "false"), "light.dimming": `"dimmingSetting":` + fmt.Sprint(g.Intn(101)),
		"energy.battery": `"charge":` + fmt.Sprint(g.Intn(101)), "sensor.motion": `"value":` + g.pick("true", "false"), "sensor.contact": `"value":` + g.pick("true", "false"),
	}[kind]
	s := `{"rt":["oic.r.` + kind + `"],"if":["` + join(g.some(1, 2, "oic.if.baseline", "oic.if.a", "oic.if.s", "oic.if.rw"), `","`) + `"],` + prop
	if g.Intn(2) == 0 {
		u := g.hex(16)
		s += `,"di":"` + u[:8] + "-" + u[8:12] + "-" + u[12:16] + "-" + u[16:20] + "-" + u[20:] + `"`
	}
	if g.Intn(3) == 0 {
		s += `,"n":"` + g.pick("Kitchen", "Living room", "Bedroom", "Garage", "Hall") + `"`
	}
	return []byte(s + "}")
}
