// Runs one-node ONNX models in ONNX Runtime: `npm install --ignore-scripts onnxruntime-node`, then
//   node ort_run.js FOLDER      for every FOLDER/*.json {"model": ..., "inputs": {name: {type, dims, data}}}
// writes FOLDER/*.ort.json {output name: {dims, data}}. Called by operators.py.
const fs = require('fs');
const path = require('path');
const ort = require(require.resolve('onnxruntime-node', { paths: [process.cwd(), __dirname] }));
ort.env.logLevel = 'error';

async function main(folder) {
  for (const file of fs.readdirSync(folder).filter((f) => f.endsWith('.json') && !f.endsWith('.ort.json'))) {
    const { model, inputs } = JSON.parse(fs.readFileSync(path.join(folder, file)));
    const session = await ort.InferenceSession.create(path.join(folder, model), { logSeverityLevel: 3 });
    const feeds = {};
    for (const [name, t] of Object.entries(inputs)) {
      const data = t.type === 'int64' ? BigInt64Array.from(t.data.map(BigInt)) : Float32Array.from(t.data);
      feeds[name] = new ort.Tensor(t.type, data, t.dims);
    }
    const results = {};
    for (const [name, t] of Object.entries(await session.run(feeds)))
      results[name] = { dims: t.dims, data: Array.from(t.data, Number) };
    fs.writeFileSync(path.join(folder, file.replace('.json', '.ort.json')), JSON.stringify(results));
  }
}
main(process.argv[2]).catch((e) => { console.error(e); process.exit(1); });
