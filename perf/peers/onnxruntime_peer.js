// Times ONNX Runtime (npm's onnxruntime-node) on a model with one image input; run by perf/compare_peers.sh.
// usage: node onnxruntime_peer.js NAME FILE.onnx HEIGHT WIDTH THREADS RUNS     prints NAME,threads,median ms
const ort = require('onnxruntime-node');
const [name, file, height, width, threads, runs] = process.argv.slice(2);

(async () => {
  const session = await ort.InferenceSession.create(file, {
    intraOpNumThreads: Number(threads), interOpNumThreads: 1, graphOptimizationLevel: 'all',
  });
  const shape = [1, 3, Number(height), Number(width)];
  const values = Float32Array.from({length: shape[1] * shape[2] * shape[3]}, (_, i) => (i % 251) / 251);
  const feeds = {[session.inputNames[0]]: new ort.Tensor('float32', values, shape)};
  const times = [];
  for (let i = 0; i <= Number(runs); i++) {
    const start = process.hrtime.bigint();
    await session.run(feeds);
    times.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  const sorted = times.slice(1).sort((a, b) => a - b);
  console.log(`${name},${threads},${sorted[Math.floor(sorted.length / 2)].toFixed(3)}`);
})();
