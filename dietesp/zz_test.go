package dietesp
import ("testing";"time";"fmt";"os")
func TestZZ(t *testing.T) {
	if os.Getenv("ZZ")=="" { t.SkipNow() }
	pkt := benchPacket()
	for _, alg := range []string{"aes128gcm16", "aes128ccm8iiv"} {
		best := map[string]time.Duration{}
		var out,in [2]sealer
		for i,form := range []string{"esp","diet"} {
			if form=="esp" { out[i],in[i]=standardSA(t, benchConfig, mustAlgorithm(alg)),standardSA(t, benchConfig, mustAlgorithm(alg)) } else {
			a := benchAttributes(pkt); out[i],in[i]= mustSA(t, benchConfig, mustAlgorithm(alg), a), mustSA(t, benchConfig, mustAlgorithm(alg), a)}
		}
		buf := make([]byte,0,1024)
		sealed := make([][]byte,100)
		for i := range sealed { sealed[i]=make([]byte,0,1024) }
		for r:=0;r<4000;r++ {
			for i,form := range []string{"esp","diet"} {
				t0:=time.Now()
				for j:=range sealed { sealed[j],_=out[i].AppendSeal(sealed[j][:0],pkt) }
				t1:=time.Now()
				for j:=range sealed { if _,err:=in[i].AppendOpen(buf,sealed[j]);err!=nil {t.Fatal(err)} }
				t2:=time.Now()
				for k,d := range map[string]time.Duration{form+"/seal":t1.Sub(t0),form+"/open":t2.Sub(t1)} { if b,ok:=best[k];!ok||d<b {best[k]=d} }
			}
		}
		for _,k := range []string{"seal","open"} { fmt.Printf("%s %s: esp %v diet %v diff %v ns\n",alg,k,best["esp/"+k]/100,best["diet/"+k]/100,(best["diet/"+k]-best["esp/"+k])/100) }
	}
}
