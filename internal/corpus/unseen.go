package corpus

import "fmt"

// geoJSON is a feature of a tracker (RFC 7946).
func geoJSON(g *gen) []byte {
	return []byte(fmt.Sprintf(`{"type":"Feature","geometry":{"type":"Point","coordinates":[%s,%s]},"properties":{"vehicle":"%s","speed":%d,"heading":%d,"hdop":%s,"ignition":%s}}`,
		g.dec(-10, 30, 6), g.dec(35, 60, 6), g.pick("truck", "van", "bike", "trailer")+"-"+fmt.Sprint(g.Intn(500)), g.Intn(130), g.Intn(360), g.dec(0.5, 4, 1), g.pick("true", "false")))
}

// ngsiLD is an update of an entity (NGSI-LD).
func ngsiLD(g *gen) []byte {
	kind := g.pick("ParkingSpot", "WeatherStation", "Streetlight")
	return []byte(fmt.Sprintf(`{"id":"urn:ngsi-ld:%s:%s","type":"%s","%s":{"type":"Property","value":%s,"unitCode":"%s","observedAt":"%s"},"@context":"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"}`,
		kind, g.hex(3), kind, g.pick("occupancy", "noiseLevel", "rainfall"), g.dec(0, 100, 1), g.pick("P1", "2N", "MMT"), g.iso()))
}

// thingDescription is a part of a WoT Thing Description.
func thingDescription(g *gen) []byte {
	p := g.pick("brightness", "position", "volume", "mode", "colour")
	return []byte(fmt.Sprintf(`{"properties":{"%s":{"type":"integer","minimum":0,"maximum":%d,"readOnly":%s,"forms":[{"href":"properties/%s","op":["readproperty","observeproperty"],"contentType":"application/json"}]}}}`,
		p, []int{10, 100, 255}[g.Intn(3)], g.pick("true", "false"), p))
}

// cwt is a signed token (RFC 8392): claims, and a signature that nothing compresses.
func cwt(g *gen) []byte {
	var claims cb
	claims.dict(5)
	claims.int(1)
	claims.text("coap://as.example.com")
	claims.int(2)
	claims.text(g.pick("pump", "lamp", "lock", "meter"))
	claims.int(3)
	claims.text("coap://" + g.pick("light", "door", "grid") + ".example.com")
	claims.int(4)
	claims.int(g.time())
	claims.int(7)
	claims.bytes(g.bytes(2))
	var c cb
	c.head(6, 18)
	c.array(4)
	c.bytes([]byte{0xa1, 0x01, 0x26})
	c.dict(1)
	c.int(4)
	c.bytes(g.bytes(2))
	c.bytes(claims)
	c.bytes(g.bytes(64))
	return c
}

// oscore is a CoAP message under OSCORE (RFC 8613): most of it is a ciphertext.
func oscore(g *gen) []byte {
	m := newMessage(g, g.Intn(2), 0, 2)
	m.option(optOSCORE, append([]byte{9, byte(g.Intn(256))}, g.pick("client", "s1", "gw")...))
	return m.payload(g.bytes(20 + g.Intn(100)))
}

// lineProtocol is a line of a time series database.
func lineProtocol(g *gen) []byte {
	return []byte(fmt.Sprintf("%s,site=%s,rack=r%d %s=%s,%s=%s %d", g.pick("weather", "hvac", "disk"), g.pick("north", "east", "lab"), g.Intn(40),
		g.pick("wind", "fan", "flow"), g.dec(0, 90, 2), g.pick("gust", "rpm", "load"), g.dec(0, 3000, 1), g.time()*1000000000+g.Int63n(1e9)))
}
