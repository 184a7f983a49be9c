package schc

// checkRule makes the checks of one Rule that do not depend on the direction.
func checkRule(r *Rule, index int) error {
	ruleErr := func(class Error, text string) error {
		return &FieldError{Rule: r.ID, Index: index, Field: -1, Err: class, Text: text}
	}
	switch r.Nature {
	case NatureCompression:
		if len(r.Fields) == 0 {
			return ruleErr(ErrMalformed, "describes no field; a Rule that sends packets as they are has nature no-compression")
		}
		if r.Fragment != nil {
			return ruleErr(ErrMalformed, "is for compression and has fragmentation parameters")
		}
	case NatureNoCompression:
		if len(r.Fields) != 0 || r.Fragment != nil {
			return ruleErr(ErrMalformed, "is for no compression and has fields")
		}
	case NatureFragmentation:
		if len(r.Fields) != 0 {
			return ruleErr(ErrMalformed, "is for fragmentation and has fields")
		}
		if r.Fragment == nil {
			return ruleErr(ErrMalformed, "is for fragmentation and has no parameters")
		}
		if err := r.Fragment.Check(r.ID); err != nil {
			if fe, ok := err.(*FieldError); ok {
				fe.Rule, fe.Index = r.ID, index
			}
			return err
		}
	default:
		return ruleErr(ErrMalformed, "has an unknown nature")
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		if text := checkField(f); text != "" {
			return &FieldError{Rule: r.ID, Index: index, Field: i, FID: f.FID, Err: ErrMalformed, Text: text}
		}
	}
	// A lossy field changes what a computed one is computed from.
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.FID == FIDUDPLiteCoverage && f.CDA != CDACompute {
			for j := range r.Fields {
				if g := &r.Fields[j]; g.CDA == CDANotSent && (g.MO == MOIgnore || g.MO == MOMSB) && g.FID.LenBits() == 0 {
					return &FieldError{Rule: r.ID, Index: index, Field: i, FID: f.FID, Err: ErrMalformed,
						Text: "must be computed, because the Rule restores " + g.FID.String() + " with another length"}
				}
			}
		}
		if f.CDA != CDACompute || f.MO == MOIgnore {
			continue
		}
		for j := range r.Fields {
			if g := &r.Fields[j]; g.CDA == CDANotSent && (g.MO == MOIgnore || g.MO == MOMSB) {
				return &FieldError{Rule: r.ID, Index: index, Field: i, FID: f.FID, Err: ErrMalformed,
					Text: "is computed and compared, but the Rule restores " + g.FID.String() + " without comparing it; use ignore"}
			}
		}
	}
	return nil
}

// checkField returns what is wrong with a Field Descriptor, or "".
func checkField(f *FieldDescriptor) string {
	if !f.FID.Known() {
		return "is not a known field"
	}
	own := f.FID.LenBits()
	fl := f.FL
	if fl == 0 {
		if fl = FieldLength(own); fl == 0 {
			fl = FLVar
		}
	}
	switch {
	case own > 0 && int(fl) != own:
		return "has FL " + fl.String() + ", but the field always has " + utoa(uint32(own)) + " bits"
	case fl == FLTokenLength && f.FID != FIDCoAPToken:
		return "has FL tkl, which is for COAP.TOKEN"
	case fl == FLOSCOREPIV && f.FID != FIDCoAPOSCOREPIV:
		return "has FL osc.piv, which is for COAP.OSCORE_PIV"
	case !fl.Variable() && fl%8 != 0 && own == 0:
		return "has FL " + fl.String() + "; the field is whole bytes, so FL is a multiple of 8 bits"
	case isOSCORE(f.FID) && !fl.Variable():
		return "has a fixed FL; its length is in the option itself: use var"
	case f.FID == FIDICMPv6Payload && !fl.Variable():
		return "has a fixed FL; it is all that remains: use var"
	}
	if f.DI > DirBidirectional {
		return "has an unknown Direction Indicator"
	}
	if _, opt := f.FID.CoAPOption(); !opt && f.FP == FPAny && own == 0 {
		return "has position \"don't care\", which is for CoAP options"
	}
	for _, v := range f.TV {
		if fl.Variable() {
			if len(v) > 0xffff {
				return "has a Target Value of more than 65535 bytes"
			}
			continue
		}
		n := (int(fl) + 7) / 8
		if len(v) != n {
			return "has a Target Value of " + count(len(v), "byte") + "; FL " + fl.String() + " needs " + utoa(uint32(n)) + ", right-aligned"
		}
		if k := uint(n*8 - int(fl)); k > 0 && v[0]>>(8-k) != 0 {
			return "has a Target Value that is longer than FL " + fl.String()
		}
	}
	return checkOperator(f, fl)
}

// checkOperator checks that operator, action and Target Values go together.
func checkOperator(f *FieldDescriptor, fl FieldLength) string {
	switch f.MO {
	case MOEqual:
		if len(f.TV) != 1 {
			return "has the operator equal and " + utoa(uint32(len(f.TV))) + " Target Values; it needs one"
		}
	case MOIgnore:
		if len(f.TV) > 1 {
			return "has the operator ignore and several Target Values"
		}
	case MOMSB:
		if len(f.TV) != 1 {
			return "has the operator MSB and " + utoa(uint32(len(f.TV))) + " Target Values; it needs one"
		}
		switch {
		case !fl.Variable() && int(f.MSB) > int(fl):
			return "has MSB(" + utoa(uint32(f.MSB)) + "), but only " + fl.String() + " bits"
		case fl == FLVar && f.MSB%8 != 0:
			return "has MSB(" + utoa(uint32(f.MSB)) + "); the unit of its length is bytes, so MSB is a multiple of 8 bits"
		case fl.Variable() && int(f.MSB) > len(f.TV[0])*8:
			return "has MSB(" + utoa(uint32(f.MSB)) + "), but a Target Value of " + utoa(uint32(len(f.TV[0])*8)) + " bits"
		}
	case MOMatchMapping:
		if len(f.TV) == 0 {
			return "has the operator match-mapping and no Target Value"
		}
		if len(f.TV) > 0xffff {
			return "has more than 65535 Target Values"
		}
	case 0:
		return "has no Matching Operator"
	default:
		return "has an unknown Matching Operator"
	}
	switch f.CDA {
	case CDANotSent:
		if f.MO == MOMatchMapping && len(f.TV) != 1 {
			return "matches several values but sends nothing; use mapping-sent"
		}
	case CDAValueSent:
	case CDAMappingSent:
		if f.MO != MOMatchMapping {
			return "has the action mapping-sent, which goes with match-mapping"
		}
	case CDALSB:
		if f.MO != MOMSB {
			return "has the action LSB, which goes with MSB(x)"
		}
	case CDACompute:
		if f.FID >= fidCoAPOption || !fids[f.FID].compute {
			return "cannot be computed; only lengths and checksums can"
		}
		if f.MO == MOMatchMapping {
			return "is computed and has the operator match-mapping; use ignore"
		}
	case CDADevIID:
		if f.FID != FIDIPv6DevIID {
			return "has the action DevIID, which is for IPV6.DEV_IID"
		}
	case CDAAppIID:
		if f.FID != FIDIPv6AppIID {
			return "has the action AppIID, which is for IPV6.APP_IID"
		}
	case CDALower:
		if !f.FID.Lowerable() {
			return "has the action lower, which is for fields that the IP header of the layer below has, too"
		}
		if f.MO != MOIgnore {
			return "has the action lower, which goes with ignore"
		}
	case 0:
		return "has no Compression/Decompression Action"
	default:
		return "has an unknown Compression/Decompression Action"
	}
	return ""
}
