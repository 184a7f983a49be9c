package learn

// Limits of what is kept of a capture, however large it is.
const (
	DefaultSample = 100_000 // Options.Sample
	maxSample     = 2_000_000

	maxShapes     = 4096      // header shapes; packets of further ones are described up to the transport header
	maxOptions    = 32        // CoAP options of a shape; likewise
	maxValueBytes = 256       // of a field; longer values are only ever sent
	maxTableBytes = 256 << 20 // estimated size of the table of values; sampling ends there
	maxTimes      = 1 << 16   // time stamps kept to find the quantile of an unordered capture
	maxAddresses  = 1 << 16   // addresses counted to find the device
	maxFlows      = 1 << 18   // flows counted for the same purpose
	maxDevices    = 16        // addresses that are taken for the device's

	maxList     = 256   // Target Values of a mapping
	maxGroups   = 160   // groups of one direction that merging starts from
	maxGenerics = 32    // generic sides of one direction
	splitRows   = 1024  // rows that one split is judged by
	tuneRows    = 6_000 // rows that parameters are tried with
	maxRuleSet  = 4096  // Options.MaxRules
)
