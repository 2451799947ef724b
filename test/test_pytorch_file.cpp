// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Reader of PyTorch's checkpoints: files that PyTorch itself wrote (test/data/weights), and files made byte by byte,
   most of them hostile. */

#define BOOST_TEST_MODULE pytorch_file
#include <boost/test/unit_test.hpp>

#include "base/error.hpp"
#include "errors.hpp"
#include "pytorch_bytes.hpp"
#include "temp_folder.hpp"
#include "weights/pytorch_file.hpp"

#include <cstring>
#include <map>
#include <random>

using namespace d2det;
using namespace d2det::test;
using namespace d2det::test::pickled;

namespace
{

const std::string DATA = std::string(D2DET_SOURCE_DIR) + "/test/data/weights/";

PyTorchFile readBytes(const TempFolder& folder, const std::string& bytes)
{
    return readPyTorchFile(folder.write("x.pth", bytes));
}

std::string errorOfBytes(const TempFolder& folder, const std::string& bytes)
{
    return errorOf<Error>([&] { readBytes(folder, bytes); });
}

//! The elements of a tensor in row-major order.
template <typename T>
std::vector<T> elements(const StoredTensor& tensor)
{
    std::vector<T> values;
    std::vector<int64_t> at(tensor.shape.size(), 0);
    int64_t total = 1;
    for (const int64_t side : tensor.shape)
        total *= side;
    for (int64_t n = 0; n < total; n++)
    {
        uint64_t index = tensor.offset;
        for (size_t d = 0; d < at.size(); d++)
            index += static_cast<uint64_t>(at[d] * tensor.strides[d]);
        T value;
        BOOST_REQUIRE((index + 1) * sizeof(T) <= tensor.storage->size());
        std::memcpy(&value, tensor.storage->data() + index * sizeof(T), sizeof(T));
        values.push_back(value);
        for (size_t d = at.size(); d-- > 0 && ++at[d] == tensor.shape[d];)
            at[d] = 0;
    }
    return values;
}

void checkSmallFile(const std::string& path)
{
    BOOST_TEST_CONTEXT(path)
    {
        BOOST_TEST(isPyTorchFile(path));
        const PyTorchFile file = readPyTorchFile(path);
        BOOST_TEST(file.section == "state_dict");
        BOOST_TEST(file.classNames == (std::vector<std::string>{"cat", "dog"}), boost::test_tools::per_element());
        std::map<std::string, StoredTensor> byName;
        for (const StoredTensor& tensor : file.tensors)
            byName[tensor.name] = tensor;
        BOOST_REQUIRE_EQUAL(byName.size(), 11u);
        const auto floats = [&](const char* name) { return elements<float>(byName.at(name)); };
        const auto same = [](const auto& a, const auto& b) { BOOST_TEST(a == b, boost::test_tools::per_element()); };
        std::vector<float> matrix;
        for (int i = 0; i < 12; i++)
            matrix.push_back(static_cast<float>(i));
        same(floats("matrix"), matrix);
        same(byName.at("transposed").shape, std::vector<int64_t>{4, 3});
        same(floats("transposed"), std::vector<float>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11});
        same(floats("every_second"), std::vector<float>{4, 6, 8, 10});
        BOOST_TEST(byName.at("matrix").storage == byName.at("transposed").storage);
        BOOST_TEST((byName.at("half").type == ElementType::F16));
        same(elements<uint16_t>(byName.at("half")), std::vector<uint16_t>{0x3e00, 0xc000, 0x7bff});
        BOOST_TEST((byName.at("bfloat16").type == ElementType::BF16));
        same(elements<uint16_t>(byName.at("bfloat16")), std::vector<uint16_t>{0x3fc0, 0xc040});
        same(elements<double>(byName.at("double")), std::vector<double>{0.1});
        same(floats("parameter"), std::vector<float>{7, 8});
        BOOST_TEST(byName.at("norm.num_batches_tracked").shape.empty());
        same(elements<int64_t>(byName.at("norm.num_batches_tracked")), std::vector<int64_t>{5});
        same(elements<uint8_t>(byName.at("bytes")), std::vector<uint8_t>{0, 255});
        BOOST_TEST((byName.at("flags").type == ElementType::BOOL));
        same(elements<uint8_t>(byName.at("flags")), std::vector<uint8_t>{1, 0});
        same(byName.at("empty").shape, std::vector<int64_t>{0, 3});
    }
}

const std::string FOUR(16, '\0');  // four floats
const std::string GOOD = program(dict({{"w", tensor(storage("0", 4), 0, {2, 2}, {2, 1})}}));

//! A state dict of one tensor.
std::string oneTensor(const std::string& tensorCode)
{
    return zipCheckpoint(program(dict({{"w", tensorCode}})), {{"0", FOUR}});
}

}  // namespace

BOOST_AUTO_TEST_CASE(files_of_pytorch)
{
    checkSmallFile(DATA + "zip.pth");
    checkSmallFile(DATA + "legacy.pth");
}

BOOST_AUTO_TEST_CASE(files_of_other_formats)
{
    const TempFolder folder;
    BOOST_TEST(!isPyTorchFile(folder.write("a", littleEndian(8, 8) + "{}      ")));
    BOOST_TEST(!isPyTorchFile(folder.write("b", littleEndian(0x80, 8) + std::string(200, ' '))));
    BOOST_TEST(!isPyTorchFile(folder.write("c", "")));
    BOOST_TEST(!isPyTorchFile(folder.write("d", "PK")));
    requireError<Error>([&] { isPyTorchFile(folder / "none"); }, {"no such file"});
    requireError<Error>([&] { isPyTorchFile(folder.path()); }, {"not a regular file"});
}

BOOST_AUTO_TEST_CASE(crc)
{
    const std::string text = "123456789";
    BOOST_TEST(crc32(reinterpret_cast<const uint8_t*>(text.data()), text.size()) == 0xcbf43926u);  // its check value
    BOOST_TEST(crc32(nullptr, 0) == 0u);
}

BOOST_AUTO_TEST_CASE(where_the_state_dict_is)
{
    const TempFolder folder;
    const std::string w = tensor(storage("0", 4), 0, {4}, {1});
    const auto names = [&](const std::string& code)
    {
        std::string text;
        const PyTorchFile file = readBytes(folder, zipCheckpoint(program(code), {{"0", FOUR}}));
        for (const StoredTensor& t : file.tensors)
            text += t.name + " ";
        return file.section + ": " + text;
    };
    BOOST_TEST(names(dict({{"a", w}, {"b", "K\1"}})) == ": a ");
    BOOST_TEST(names(dict({{"module.a", w}, {"module.b.c", w}})) == ": a b.c ");
    BOOST_TEST(names(dict({{"module.a", w}, {"b", w}})) == ": module.a b ");
    BOOST_TEST(names(dict({{"module.model.a", w}})) == ": a ");
    BOOST_TEST(names(dict({{"ema", dict({{"x", w}})}, {"model", dict({{"a", w}})}})) == "model: a ");
    BOOST_TEST(names(dict({{"mine", dict({{"a", w}})}, {"epoch", "K\1"}})) == "mine: a ");
    BOOST_TEST(names(call("collections", "OrderedDict", {"](](" + text("a") + w + "ee"})) == ": a ");  // Python 2
    const auto refused = [&](const std::string& code, const std::string& part) {
        checkContains(errorOfBytes(folder, zipCheckpoint(program(code), {{"0", FOUR}})), part);
    };
    refused(dict({{"one", dict({{"a", w}})}, {"two", dict({{"a", w}})}}), "several dictionaries of tensors");
    refused(dict({{"epoch", "K\1"}}), "no dictionary of tensors; its keys: epoch");
    refused("K\1", "no dictionary of tensors");
    refused(dict({{"a", w}, {"a", w}}), "\"a\" is there twice");
}

BOOST_AUTO_TEST_CASE(nothing_is_called)
{
    const TempFolder folder;
    const auto error = [&](const std::string& code) { return errorOfBytes(folder, zipCheckpoint(program(code))); };
    const std::string mark = folder / "called";
    checkContains(error(call("os", "system", {text("touch " + mark)})), "refers to \"os.system\"");
    checkContains(error(text("posix") + text("system") + "\x93" + text("touch " + mark) + "\x85R"), "\"posix.system\"");
    checkContains(error(global("builtins", "eval") + text("1") + "\x85R"), "\"builtins.eval\"");
    checkContains(error(global("__builtin__", "getattr") + ")R"), "\"builtins.getattr\"");
    checkContains(error("(" + text("touch") + "ios\nsystem\n"), "instruction 105");             // INST
    checkContains(error("(" + global("collections", "OrderedDict") + "o"), "instruction 111");  // OBJ
    checkContains(error(global("torch.nn.modules.linear", "Linear") + ")\x81"), "torch.nn.modules.linear.Linear");
    checkContains(error(global("torch", "FloatStorage") + ")R"), "torch.FloatStorage is called");
    checkContains(error("K\1)R"), "a name has the wrong type");
    checkContains(error(global("collections", "OrderedDict") + "K\1R"), "arguments of a call has the wrong type");
    checkContains(error(tuple({text("module"), "N", "N", "N"}) + "Q"), "an entire network");
    checkContains(error("P12\n"), "instruction 80");    // PERSID, a text
    checkContains(error("\x82\1"), "instruction 130");  // EXT1: a registry of code
    checkContains(error("K\1}b"), "attributes for a value that has none");
    BOOST_TEST(!std::filesystem::exists(mark));
}

BOOST_AUTO_TEST_CASE(malformed_pickles)
{
    const TempFolder folder;
    BOOST_TEST(errorOfBytes(folder, zipCheckpoint(GOOD, {{"0", FOUR}})) == "");
    const std::pair<std::string, const char*> programs[] = {
        {"", "ends before its last instruction"},
        {BEGIN, "ends before its last instruction"},
        {".", "0 values at its end"},
        {BEGIN + "}}.", "2 values at its end"},
        {BEGIN + "(}.", "1 values at its end"},
        {"\x80\x09}.", "protocol 9"},
        {BEGIN + "t.", "no mark"},
        {BEGIN + "u.", "no mark"},
        {BEGIN + "\x87.", "too few values"},
        {BEGIN + "}(1s.", "too few values"},
        {BEGIN + "}(s.", "too few values"},
        {BEGIN + "b.", "too few values"},
        {BEGIN + "h\5.", "never remembered"},
        {BEGIN + "j\xff\xff\xff\xff.", "never remembered"},
        {BEGIN + "q" + std::string(2, '\0'), "too few values"},
        {BEGIN + "K\1K\1K\1s.", "no dictionary"},
        {BEGIN + "}K\1a.", "no list"},
        {BEGIN + "}(K\1u.", "no dictionary"},
        {BEGIN + "X\xff\xff\xff\xff"
                 "abc",
         "a text of 4294967295 bytes"},
        {BEGIN + "\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
                 "abc",
         "a text of 18446744073709551615 bytes"},
        {BEGIN + "\x8b\xff\xff\xff\xff.", "a text of 4294967295 bytes"},
        {BEGIN + "c" + std::string(1000, 'm') + "\n", "longer than 256 bytes"},
        {BEGIN + call("collections", "OrderedDict", {"]K\1a"}) + ".", "no pair"},
        {BEGIN + call("collections", "OrderedDict", {"]", "]"}) + ".", "OrderedDict with 2 values"},
        {BEGIN + call("torch._utils", "_rebuild_parameter", {"K\1"}) + ".", "a parameter has the wrong type"},
        {BEGIN + call("torch._utils", "_rebuild_tensor_v2", {"K\1"}) + ".", "a tensor has 1 values"},
        {BEGIN + tuple({text("storage")}) + "Q.", "is no storage"},
        {BEGIN + "K\1Q.", "persistent id has the wrong type"},
        {BEGIN + tuple({text("storage"), global("collections", "OrderedDict"), text("0"), text("cpu"), "K\1"}) + "Q.",
         "no type of a storage"},
        {BEGIN + tuple({text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), number(0x80000000)}) +
             "Q.",
         "is -2147483648"},
    };
    for (const auto& item : programs)
        checkContains(errorOfBytes(folder, zipCheckpoint(item.first, {{"0", FOUR}})), item.second);
    // Every truncated beginning is an error, and every damaged byte an error or a file.
    for (size_t length = 0; length < GOOD.size(); length++)
        BOOST_TEST(errorOfBytes(folder, zipCheckpoint(GOOD.substr(0, length), {{"0", FOUR}})) != "", length);
    std::mt19937 random(1);
    for (int i = 0; i < 3000; i++)
    {
        std::string damaged = GOOD;
        for (int n = 0; n < 1 + i % 3; n++)
            damaged[random() % damaged.size()] = static_cast<char>(random());
        BOOST_CHECK_NO_THROW(errorOfBytes(folder, zipCheckpoint(damaged, {{"0", FOUR}})));
    }
}

BOOST_AUTO_TEST_CASE(views_stay_inside_their_storage)
{
    const TempFolder folder;
    const std::string s = storage("0", 4);
    BOOST_TEST(errorOfBytes(folder, oneTensor(tensor(s, 0, {2, 2}, {1, 2}))) == "");
    BOOST_TEST(errorOfBytes(folder, oneTensor(tensor(s, 3, {1}, {100}))) == "");
    BOOST_TEST(errorOfBytes(folder, oneTensor(tensor(s, 9, {0}, {1}))) == "");
    BOOST_TEST(errorOfBytes(folder, oneTensor(tensor(s, 0, {}, {}))) == "");
    BOOST_TEST(errorOfBytes(folder, oneTensor(tensor(s, 0, {4}, {0}))) == "");
    const uint32_t big = 0x7fffffff;
    const std::pair<std::string, const char*> cases[] = {
        {tensor(s, 1, {4}, {1}), "beyond its storage"},
        {tensor(s, 4, {}, {}), "beyond its storage"},
        {tensor(s, big, {1}, {1}), "beyond its storage"},
        {tensor(s, 0, {2, 2}, {4, 1}), "beyond its storage"},
        {tensor(s, 0, {2}, {big}), "beyond its storage"},
        {tensor(s, 0, {5}, {0}), "more elements than its storage"},
        {tensor(s, 0, {big, big, big}, {0, 0, 0}), "more elements than its storage"},
        {tensor(s, 0, {2}, {1, 1}), "1 dimensions and 2 strides"},
        {tensor(s, 0, {0xffffffff}, {1}), "is -1"},
        {tensor(s, 0xffffffff, {1}, {1}), "is -1"},
        {tensor(s, 0, std::vector<uint32_t>(17, 1), std::vector<uint32_t>(17, 1)), "at most 16"},
        {tensor(storage("0", 5), 0, {1}, {1}), "has 16 bytes in the file, not 20"},
        {tensor(storage("0", big, "DoubleStorage"), 0, {1}, {1}), "has 16 bytes in the file, not"},
        {tensor(storage("9", 4), 0, {1}, {1}), "\"9\" of 4 elements is not in the file"},
        {tensor(storage("../data.pkl", 4), 0, {1}, {1}), "is not in the file"},
        {tensor(s, 0, {1}, {1}) + text("x") + tensor(storage("0", 2, "DoubleStorage"), 0, {1}, {1}),
         "two different descriptions"},
        {call("torch._utils", "_rebuild_tensor_v2", {"N", "K\1", ")", ")"}), "the storage of a tensor has the wrong"},
        {call("torch._utils", "_rebuild_tensor_v2", {s, "N", ")", ")"}), "the offset of a tensor has the wrong"},
        {call("torch._utils", "_rebuild_tensor_v2", {s, "K\1", "N", ")"}), "the shape of a tensor is no tuple"},
    };
    for (const auto& item : cases)
        checkContains(errorOfBytes(folder, oneTensor(item.first)), item.second);
}

BOOST_AUTO_TEST_CASE(small_files_stay_small)
{
    const TempFolder folder;
    // Nesting: no recursion, neither while reading nor at the end.
    std::string nested(200000, ']');
    nested += std::string(199999, 'a');
    checkContains(errorOfBytes(folder, zipCheckpoint(program(nested))), "no dictionary of tensors");
    std::string tuples = ")";
    for (int i = 0; i < 200000; i++)
        tuples += "\x85";
    checkContains(errorOfBytes(folder, zipCheckpoint(program(tuples))), "no dictionary of tensors");
    // A list inside itself.
    checkContains(
        errorOfBytes(folder, zipCheckpoint(program("]q" + std::string(1, '\0') + "h" + std::string(1, '\0') + "a"))),
        "no dictionary of tensors");
    std::string self = "}q" + std::string(1, '\0') + text("state_dict") + "h" + std::string(1, '\0') + "s";
    checkContains(errorOfBytes(folder, zipCheckpoint(program(self))), "no dictionary of tensors");
    // Doubled thirty times: 2^30 items if anybody copied them.
    std::string doubled = "]";
    for (int i = 0; i < 30; i++)
        doubled += "2\x86";
    checkContains(errorOfBytes(folder, zipCheckpoint(program(doubled))), "no dictionary of tensors");
    // One long list in OrderedDict again and again.
    std::string copies = "](";
    for (int i = 0; i < 1000; i++)
        copies += "NN\x86";
    copies += "e\x85q" + std::string(1, '\0') + "0";
    for (int i = 0; i < 10000; i++)
        copies += global("collections", "OrderedDict") + "h" + std::string(1, '\0') + "R0";
    checkContains(errorOfBytes(folder, zipCheckpoint(program(copies + "}"))), "more than 8388608 items");
    checkContains(errorOfBytes(folder, zipCheckpoint(program(std::string(3000000, 'N')))), "more than 2097152 values");
    checkContains(errorOfBytes(folder, zipCheckpoint(program("N" + std::string(3000000, '2')))), "stack is higher");
    checkContains(errorOfBytes(folder, zipCheckpoint(program(std::string(3000000, '(')))), "marks");
    // A thousand tensors on one storage: the storage is there once.
    std::vector<std::pair<std::string, std::string>> many;
    for (int i = 0; i < 1000; i++)
        many.emplace_back("t" + std::to_string(i), tensor(storage("0", 4), 0, {4}, {1}));
    const PyTorchFile file = readBytes(folder, zipCheckpoint(program(dict(many)), {{"0", FOUR}}));
    BOOST_TEST(file.tensors.front().storage == file.tensors.back().storage);
}

BOOST_AUTO_TEST_CASE(malformed_archives)
{
    const TempFolder folder;
    const ZipItem pickle{"a/data.pkl", GOOD};
    const auto error = [&](const std::vector<ZipItem>& items) { return errorOfBytes(folder, zipOf(items)); };
    const auto changed = [](ZipItem item, void (*change)(ZipItem&))
    {
        change(item);
        return item;
    };
    const ZipItem data{"a/data/0", FOUR};
    BOOST_TEST(error({pickle, data}) == "");
    BOOST_TEST(error({data, pickle, {"a/byteorder", "little"}, {"a/version", "3\n"}}) == "");
    checkContains(error({pickle, data, {"a/byteorder", "big"}}), "the order \"big\"");
    checkContains(error({data}), "no entry data.pkl");
    checkContains(error({pickle, data, {"b/data.pkl", GOOD}}), "two entries data.pkl");
    checkContains(error({pickle, data, {"a/constants.pkl", ""}}), "TorchScript");
    checkContains(error({pickle, data, data}), "is there twice");
    checkContains(error({pickle, changed(data, [](ZipItem& i) { i.crcChange = 1; })}), "another checksum");
    checkContains(error({changed(pickle, [](ZipItem& i) { i.crcChange = 1; }), data}), "another checksum");
    checkContains(error({pickle, changed(data, [](ZipItem& i) { i.method = 8; })}), "is compressed (method 8");
    checkContains(error({pickle, changed(data, [](ZipItem& i) { i.sizeChange = 1 << 30; })}), "outside the archive");
    checkContains(error({pickle, changed(data, [](ZipItem& i) { i.offsetChange = 1 << 30; })}), "outside the archive");
    checkContains(error({pickle, changed(data, [](ZipItem& i) { i.offsetChange = 1; })}), "another header");
    checkContains(error({pickle, changed(data, [](ZipItem& i) { i.sizeChange = -4; })}), "has 12 bytes in the file");
    // The second entry's data is also the first's.
    checkContains(
        error({pickle, changed({"a/data/0", FOUR + FOUR}, [](ZipItem& i) { i.sizeChange = 30; }), {"a/data/1", FOUR}}),
        "overlap");

    const std::string good = zipOf({pickle, data});
    for (size_t length = 0; length < good.size(); length++)
        BOOST_TEST(errorOfBytes(folder, good.substr(0, length)) != "", length);
    const size_t end = good.size() - 22;
    const auto patched = [&](size_t at, const std::string& bytes)
    { return errorOfBytes(folder, std::string(good).replace(at, bytes.size(), bytes)); };
    checkContains(patched(end + 10, "\xff\xff"), "malformed at entry 2");
    checkContains(patched(end + 12, "\xff\xff\xff\x7f"), "more than the limits");
    checkContains(patched(end + 16, "\xff\xff\xff\x7f"), "outside the file");
    checkContains(patched(end + 4, "\1"), "several files");
    // 64 bit extension that promises more than there is.
    const std::string end64 =
        "PK\6\6" + std::string(28, '\0') + littleEndian(~0ull, 8) + littleEndian(16, 8) + littleEndian(0, 8);
    const std::string locator = "PK\6\7" + std::string(4, '\0') + littleEndian(end, 8) + std::string(4, '\0');
    checkContains(errorOfBytes(folder, good.substr(0, end) + end64 + locator + good.substr(end)),
                  "more than the limits");
    checkContains(errorOfBytes(folder, good.substr(0, end) + "PK\6\7" + std::string(4, '\0') + littleEndian(~0ull, 8) +
                                           std::string(4, '\0') + good.substr(end)),
                  "outside the file");
    std::mt19937 random(2);
    for (int i = 0; i < 3000; i++)
    {
        std::string damaged = good;
        for (int n = 0; n < 1 + i % 4; n++)
            damaged[random() % damaged.size()] = static_cast<char>(random());
        BOOST_CHECK_NO_THROW(errorOfBytes(folder, damaged));
    }
}

BOOST_AUTO_TEST_CASE(malformed_legacy_files)
{
    const TempFolder folder;
    BOOST_TEST(errorOfBytes(folder, legacyCheckpoint(GOOD, {{"0", 4, FOUR}})) == "");
    const std::string good = legacyCheckpoint(GOOD, {{"0", 4, FOUR}});
    for (size_t length = 0; length < good.size(); length++)
        BOOST_TEST(errorOfBytes(folder, good.substr(0, length)) != "", length);
    const std::pair<std::string, const char*> cases[] = {
        {legacyCheckpoint(GOOD, {}), "\"0\" is not in the file"},
        {legacyCheckpoint(GOOD, {{"0", 3, FOUR}}), "has 3 elements in the file, not 4"},
        {legacyCheckpoint(GOOD, {{"0", ~0ull, FOUR}}), "elements in the file, not 4"},
        {legacyCheckpoint(GOOD, {{"1", 4, FOUR}}), "\"1\", which no tensor refers to"},
        {legacyCheckpoint(GOOD, {{"0", 4, FOUR}, {"0", 4, FOUR}}), "which is there twice"},
        {legacyCheckpoint(program(dict({{"w", tensor(storage("0", 0x7fffffff), 0, {1}, {1})}})),
                          {{"0", 0x7fffffff, FOUR}}),
         "ends inside storage \"0\""},
        {program("K\1") + std::string(20, ' '), "no checkpoint of PyTorch"},
        {legacyCheckpoint(program(call("os", "system", {text("ls")})), {}), "\"os.system\""},
    };
    for (const auto& item : cases)
        checkContains(errorOfBytes(folder, item.first), item.second);
    std::mt19937 random(3);
    for (int i = 0; i < 3000; i++)
    {
        std::string damaged = good;
        for (int n = 0; n < 1 + i % 4; n++)
            damaged[random() % damaged.size()] = static_cast<char>(random());
        damaged[0] = '\x80';
        BOOST_CHECK_NO_THROW(errorOfBytes(folder, damaged));
    }
}
