// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* The training loop. All random numbers are derived from (seed, iteration), so a run resumed from its last checkpoint
   ends with bitwise equal weights (CPU, same number of threads). Checkpoints are independent of device and precision: a
   run can be resumed with other ones. */

#ifndef D2DET_TRAINING_TRAINER_HPP
#define D2DET_TRAINING_TRAINER_HPP

#include "engine/loader.hpp"
#include "engine/batch_feeder.hpp"
#include "engine/early_stopping.hpp"
#include "report/events.hpp"
#include "engine/step.hpp"
#include "engine/validation.hpp"
#include "model/detector.hpp"

#include <chrono>
#include <functional>
#include <memory>

namespace d2det
{

struct TrainOptions
{
    std::string output;          //!< run folder; no file is written outside it
    std::string init;            //!< initial weights, "" for random ones
    bool resume = false;         //!< continue from output/last.safetensors
    int threads = 0;             //!< 0: one per core
    std::string device = "cpu";  //!< see chooseDevice
    double evalEvery = 0;        //!< epochs between evaluations on data.val, 0: never
    int64_t stopAfter = 0;       //!< stop as if interrupted after this iteration, 0: off
    int images = 4;              //!< validation images with detections in TensorBoard, per data set
    bool console = true;
    std::function<bool()> stop = [] { return false; };  //!< called after every step; true: save and return
    std::string command;  //!< command line of the run, written to command.txt; "": no file
    //! Processes that train together, null: this one alone. All have the same configuration and options; the first one
    //! writes files and the console.
    std::shared_ptr<ProcessGroup> group;
};

//! Sets the class names from the training annotations if not configured; throws if there are no annotations.
void resolveClassNames(Config& config);

/** Evaluates on every data set of config.data.val and puts "val/<data set>/AP", "AP50", "AP75", for masks "mask_AP",
    ... into `metrics`; with validation.loss also "loss" and its parts "loss_cls", ...
    @param stop called before every image; true ends the evaluation with an incomplete last result.
    @param images number of images per data set put into `metrics` with detections, as "val/<data set>/<file>".
    @param group processes that share the images, null: a single one.
    `metrics` also gets the status, such as "validation on coco_person: image 7 of 34". */
std::vector<Evaluation> evaluateAll(Detector& detector, const Config& config, Metrics& metrics,
                                    const std::function<bool()>& stop, int images = 0, ProcessGroup* group = nullptr);

class Trainer
{
public:
    //! Reads the data, builds the model, loads weights. Throws Error.
    Trainer(Config config, const TrainOptions& options);

    /** Trains. @return true: completed, also by early stopping; false: ended by options.stop (of any process) or
        stopAfter. The checkpoint is written, also before a ProcessGroupError: with the last step that all took. */
    bool run();

    Detector& model() { return model_; }
    int64_t iteration() const { return iteration_; }
    int64_t totalIterations() const { return total_; }
    const std::string& endReason() const { return endReason_; }  //!< why run() ended, for the user
    const Config& config() const { return config_; }             //!< with all values that were `auto`
    //! Description of the best evaluation for the user; "" without an evaluation.
    std::string bestSummary() const;

private:
    bool runSteps();
    void shareBatches();
    bool stopRequested();
    void findAutomatic(const Dataset& dataset);
    void loadWeights();
    void describe(const Dataset& dataset);
    void explainLosses(const StepResult& result);
    void resume();
    void checkFrozen(const TensorFile& checkpoint) const;
    void step();
    void skipStep(const StepResult& result);
    void writeProgress();
    void save(bool best = false);
    void pruneCheckpoints() const;
    void runEvaluation();
    void drawCurves() const;
    void writeCommand() const;
    double epochOf(int64_t iteration) const { return static_cast<double>(iteration) / static_cast<double>(perEpoch_); }
    int64_t evaluationSteps() const;
    bool evaluationDue() const;
    bool due(int64_t every) const { return every > 0 && iteration_ % every == 0; }
    std::string path(const std::string& name) const;

    Config config_;
    TrainOptions options_;
    std::shared_ptr<ProcessGroup> group_;  // never null
    Metrics metrics_;
    Detector model_{nullptr};
    torch::Device device_{torch::kCPU};
    torch::ScalarType type_ = torch::kFloat;  // type of convolutions
    LossScaler scaler_{false};
    std::unique_ptr<DataLoader> loader_;
    std::unique_ptr<BatchFeeder> feeder_;
    std::unique_ptr<Solver> solver_;
    torch::Generator generator_;
    EarlyStopping earlyStopping_{0, 0};
    std::vector<std::string> frozen_;  // parameters that solver.freeze names
    std::string endReason_;
    int64_t iteration_ = 0;    // steps done
    int64_t evaluatedAt_ = 0;  // iteration of the last complete evaluation
    int64_t perEpoch_ = 1;
    int64_t total_ = 0;
    int64_t resumedAt_ = 0;
    int64_t savedAt_ = -1;
    int64_t skipped_ = 0;  // steps with a non-finite loss or gradient
    int skippedInRow_ = 0;
    bool explained_ = false;     // the names of the losses
    double best_ = -1;           // mean AP over the validation sets
    int64_t bestIteration_ = 0;  // 0: none yet
    std::chrono::steady_clock::time_point started_, lastWrite_;
    double waited_ = 0;   // seconds spent waiting for data until the last write
    int64_t images_ = 0;  // since the last write
    int64_t steps_ = 0;   // since the last write
};

}  // namespace d2det

#endif
