input { user : key }
rule api {
  exempt "probes
}
