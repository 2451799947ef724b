// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "cli/model_output.hpp"
#include "base/atomic_file.hpp"
#include "base/text.hpp"
#include "cli/inputs.hpp"
#include "cli/progress.hpp"

#include <opencv2/d2det/quantization.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

namespace fs = std::filesystem;

namespace cli
{

namespace
{

//! Path of a file that is removed at the end.
class Temporary
{
public:
    explicit Temporary(const std::string& path) : path_(path) {}
    ~Temporary()
    {
        std::error_code ignored;
        fs::remove(path_, ignored);
    }
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;

    const std::string& path() const { return path_; }

private:
    const std::string path_;
};

std::vector<uchar> readBytes(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    std::vector<uchar> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (!file)
        throw std::runtime_error("cannot read " + path);
    return bytes;
}

void warn(const std::string& input, const std::string& reason)
{
    std::cerr << "warning: " << printable(input) << ": " << reason << "\n";
}

//! The images of --quantize, before any work; none at all is an error.
std::vector<Source> listImages(const std::vector<std::string>& inputs)
{
    std::vector<std::pair<std::string, std::string>> skipped;
    const std::vector<Source> sources =
        listSources(inputs, {}, std::cin,
                    [&](const std::string& input, const std::string& reason) { skipped.emplace_back(input, reason); });
    if (sources.empty())
        throw std::runtime_error("--quantize: " + (skipped.empty()
                                                       ? "there is no image"
                                                       : printable(skipped[0].first) + ": " + skipped[0].second));
    for (const auto& entry : skipped)
        warn(entry.first, entry.second);
    return sources;
}

void addImages(cv::d2det::ModelQuantizer& quantizer, const std::vector<Source>& sources)
{
    const InputOptions options;
    Progress progress(true, "images", countImages(sources, options));
    ImageReader reader(sources, options, 2);
    ImageReader::Item item;
    while (reader.next(item, [] { return false; }))
    {
        if (item.kind == ImageReader::Item::FAILED)
        {
            progress.clear();
            warn(sources[item.source].path.string(), item.reason);
        }
        if (item.kind != ImageReader::Item::IMAGE)
            continue;
        quantizer.addImage(item.image);
        progress.update(quantizer.getImageCount(), sources[item.source].name.string());
    }
}

void writeQuantized(const std::string& output, const std::vector<std::string>& images, const WriteOnnx& write)
{
    const std::vector<Source> sources = listImages(images);
    const Temporary whole(d2det::withSuffix(output, ".float32.tmp"));
    std::cout << output << ": " << write(whole.path(), false) << std::endl;
    const cv::Ptr<cv::d2det::ModelQuantizer> quantizer = cv::d2det::ModelQuantizer::create(readBytes(whole.path()));
    addImages(*quantizer, sources);
    if (quantizer->getImageCount() == 0)
        throw std::runtime_error("--quantize: no image could be read; the ranges of the maps are taken from images");
    std::vector<cv::String> convolutions;
    const std::vector<uchar> bytes = quantizer->quantize(convolutions);
    d2det::AtomicFile file(output);
    file.write(bytes.data(), bytes.size());
    file.commit();
    const auto megabytes = [](double size) { return cv::format("%.2f MB", size / 1e6); };
    std::error_code ignored;
    std::cout << output << ": " << d2det::counted(static_cast<int64_t>(convolutions.size()), "convolution")
              << " in 8-bit integers, ranges from " << d2det::counted(quantizer->getImageCount(), "image") << ", "
              << megabytes(static_cast<double>(bytes.size())) << " instead of "
              << megabytes(static_cast<double>(fs::file_size(whole.path(), ignored))) << std::endl;
}

}  // namespace

void addModelOutput(po::options_description& options)
{
    // clang-format off
    options.add_options()
        ("output,o", po::value<std::string>()->value_name("FILE"), "ONNX file to write")
        ("half", "write the large weights of the ONNX file in half precision, about half the size; computed is in float32")
        ("quantize", po::value<std::vector<std::string>>()->value_name("IMAGES")->composing(),
            "compute the convolutions of the model in 8-bit integers, faster and about a quarter of the file; ARG: a "
            "folder or pattern of images like those that the model will see, a hundred are enough; may be repeated");
    // clang-format on
}

void checkModelOutput(const po::variables_map& values)
{
    if (values.count("quantize") && values.count("half"))
        throw UsageError("--quantize and --half exclude each other");
    for (const char* option : {"half", "quantize"})
        if (values.count(option) && !values.count("output"))
            throw UsageError(std::string("--") + option + " needs --output");
}

void writeModelOutput(const po::variables_map& values, const WriteOnnx& write)
{
    const std::string output = values["output"].as<std::string>();
    if (values.count("quantize"))
        writeQuantized(output, textsOf(values, "quantize"), write);
    else
        std::cout << output << ": " << write(output, values.count("half") != 0) << std::endl;
}

}  // namespace cli
