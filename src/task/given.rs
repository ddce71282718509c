//! What a task sets, parameter by parameter, each with its row of the table.
//!
//! The one place that walks through every field; checks look at the list it makes.

use serde_json::{Map, Value};

use super::shape::Shape;
use super::wire::{
    AcceleratorOptions, AcePlusPlus, AdvancedFeatures, ControlNet, Embedding, IpAdapter, Lora,
    Outpaint, PuLid, Refiner, Task,
};
use super::{DefaultValue, Kind, ParameterRow};

/// A parameter that is there.
#[derive(Clone, Debug)]
pub(super) struct Given<'a> {
    pub(super) row: &'static ParameterRow,
    /// Its place in the task: `lora[0].weight`.
    pub(super) path: String,
    pub(super) value: Shape<'a>,
}

/// Everything a task sets.
#[derive(Debug, Default)]
pub(super) struct Walk<'a> {
    pub(super) given: Vec<Given<'a>>,
    /// Places of fields the document does not name.
    pub(super) unknown: Vec<String>,
    prefix: String,
}

impl Given<'_> {
    /// Whether it asks for something that its absence would not give.
    pub(super) fn asks(&self) -> bool {
        match (self.value, self.row.default) {
            (Shape::Boolean(value), DefaultValue::Boolean(default)) => value != default,
            (Shape::Integer(value), DefaultValue::Integer(default)) => value != i128::from(default),
            (Shape::Float(value), DefaultValue::Float(default)) => {
                (value - default).abs() > f64::EPSILON
            }
            (Shape::Text(value), DefaultValue::Word(default)) => value != default,
            (Shape::List(length), _) => length > 0,
            (Shape::Object, _) => self.row.kind != Kind::Group,
            _ => true,
        }
    }

    /// Whether it stands inside an object or array whose row asks by itself: `lora[0].weight`
    /// inside `lora`, but not a switch inside a group.
    pub(super) fn is_part_of_a_feature(&self) -> bool {
        let object = self.path.rsplit_once('.').map(|(object, _)| object);
        object.and_then(ParameterRow::find).is_some_and(|row| row.kind != Kind::Group)
            || self.path.ends_with(']')
    }
}

#[expect(clippy::ref_option, reason = "the fields of a task, destructured by reference")]
impl<'a> Walk<'a> {
    /// Everything `task` sets.
    pub(super) fn over(task: &'a Task) -> Self {
        let mut walk = Self::default();
        walk.task(task);
        walk
    }

    pub(super) fn find(&self, path: &str) -> Option<&Given<'a>> {
        self.given.iter().find(|given| given.path == path)
    }

    /// The place of a member of the object the walk is in.
    pub(super) fn place(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Notes a parameter, or an unknown field when the table has no such row.
    pub(super) fn note(&mut self, path: String, value: Shape<'a>) {
        match ParameterRow::find(&path) {
            Some(row) => self.given.push(Given { row, path, value }),
            None => self.unknown.push(path),
        }
    }

    /// Goes into an object at `path`; what it gives back leads out again.
    pub(super) fn open(&mut self, path: String) -> String {
        let inside = format!("{path}.");
        self.note(path, Shape::Object);
        std::mem::replace(&mut self.prefix, inside)
    }

    /// Goes back out.
    pub(super) fn close(&mut self, outside: String) {
        self.prefix = outside;
    }

    fn set<T>(&mut self, name: &str, value: &'a Option<T>)
    where
        &'a T: Into<Shape<'a>>,
    {
        if let Some(value) = value {
            self.note(self.place(name), value.into());
        }
    }

    fn object<T>(
        &mut self,
        name: &str,
        object: &'a Option<T>,
        members: impl FnOnce(&mut Self, &'a T),
    ) {
        if let Some(object) = object {
            let outside = self.open(self.place(name));
            members(self, object);
            self.close(outside);
        }
    }

    fn objects<T>(
        &mut self,
        name: &str,
        objects: &'a Option<Vec<T>>,
        members: impl Fn(&mut Self, &'a T),
    ) {
        let Some(objects) = objects else { return };
        self.note(self.place(name), Shape::List(objects.len()));
        for (index, object) in objects.iter().enumerate() {
            let outside = self.open(self.place(&format!("{name}[{index}]")));
            members(self, object);
            self.close(outside);
        }
    }

    fn extra(&mut self, extra: &'a Map<String, Value>) {
        let places = extra.keys().map(|key| format!("{}{key}", self.prefix));
        self.unknown.extend(places);
    }

    fn task(&mut self, task: &'a Task) {
        let Task {
            task_type,
            task_uuid,
            output_type,
            output_format,
            output_quality,
            upload_endpoint,
            check_nsfw,
            include_cost,
            positive_prompt,
            negative_prompt,
            seed_image,
            mask_image,
            mask_margin,
            strength,
            reference_images,
            outpaint,
            height,
            width,
            model,
            vae,
            steps,
            scheduler,
            seed,
            cfg_scale,
            clip_skip,
            prompt_weighting,
            number_results,
            advanced_features,
            accelerator_options,
            pu_lid,
            ace_plus_plus,
            refiner,
            embeddings,
            control_net,
            lora,
            ip_adapters,
            delivery_method,
            ttl,
            webhook_url,
            extra,
        } = task;
        self.set("taskType", task_type);
        self.set("taskUUID", task_uuid);
        self.set("outputType", output_type);
        self.set("outputFormat", output_format);
        self.set("outputQuality", output_quality);
        self.set("uploadEndpoint", upload_endpoint);
        self.set("checkNSFW", check_nsfw);
        self.set("includeCost", include_cost);
        self.set("positivePrompt", positive_prompt);
        self.set("negativePrompt", negative_prompt);
        self.set("seedImage", seed_image);
        self.set("maskImage", mask_image);
        self.set("maskMargin", mask_margin);
        self.set("strength", strength);
        self.set("referenceImages", reference_images);
        self.object("outpaint", outpaint, Self::outpaint);
        self.set("height", height);
        self.set("width", width);
        self.set("model", model);
        self.set("vae", vae);
        self.set("steps", steps);
        self.set("scheduler", scheduler);
        self.set("seed", seed);
        self.set("CFGScale", cfg_scale);
        self.set("clipSkip", clip_skip);
        self.set("promptWeighting", prompt_weighting);
        self.set("numberResults", number_results);
        self.switches(advanced_features, accelerator_options);
        self.references(pu_lid, ace_plus_plus);
        self.object("refiner", refiner, Self::refiner);
        self.objects("embeddings", embeddings, Self::embedding);
        self.objects("controlNet", control_net, Self::control_net);
        self.objects("lora", lora, Self::lora);
        self.objects("ipAdapters", ip_adapters, Self::ip_adapter);
        self.set("deliveryMethod", delivery_method);
        self.set("ttl", ttl);
        self.set("webhookURL", webhook_url);
        self.extra(extra);
    }

    fn switches(
        &mut self,
        features: &'a Option<AdvancedFeatures>,
        options: &'a Option<AcceleratorOptions>,
    ) {
        self.object("advancedFeatures", features, Self::advanced_features);
        self.object("acceleratorOptions", options, Self::accelerator_options);
    }

    fn references(&mut self, pu_lid: &'a Option<PuLid>, ace: &'a Option<AcePlusPlus>) {
        self.object("puLID", pu_lid, Self::pu_lid);
        self.object("acePlusPlus", ace, Self::ace_plus_plus);
    }

    fn outpaint(&mut self, outpaint: &'a Outpaint) {
        let Outpaint { top, right, bottom, left, blur, extra } = outpaint;
        self.set("top", top);
        self.set("right", right);
        self.set("bottom", bottom);
        self.set("left", left);
        self.set("blur", blur);
        self.extra(extra);
    }

    fn advanced_features(&mut self, features: &'a AdvancedFeatures) {
        let AdvancedFeatures { layer_diffuse, extra } = features;
        self.set("layerDiffuse", layer_diffuse);
        self.extra(extra);
    }

    fn accelerator_options(&mut self, options: &'a AcceleratorOptions) {
        let AcceleratorOptions {
            tea_cache,
            tea_cache_distance,
            deep_cache,
            deep_cache_interval,
            deep_cache_branch_id,
            extra,
        } = options;
        self.set("teaCache", tea_cache);
        self.set("teaCacheDistance", tea_cache_distance);
        self.set("deepCache", deep_cache);
        self.set("deepCacheInterval", deep_cache_interval);
        self.set("deepCacheBranchId", deep_cache_branch_id);
        self.extra(extra);
    }

    fn pu_lid(&mut self, pu_lid: &'a PuLid) {
        let PuLid {
            input_images,
            id_weight,
            true_cfg_scale,
            cfg_start_step,
            cfg_start_step_percentage,
            extra,
        } = pu_lid;
        self.set("inputImages", input_images);
        self.set("idWeight", id_weight);
        self.set("trueCFGScale", true_cfg_scale);
        self.set("CFGStartStep", cfg_start_step);
        self.set("CFGStartStepPercentage", cfg_start_step_percentage);
        self.extra(extra);
    }

    fn ace_plus_plus(&mut self, ace: &'a AcePlusPlus) {
        let AcePlusPlus { kind, input_images, input_masks, repainting_scale, extra } = ace;
        self.set("type", kind);
        self.set("inputImages", input_images);
        self.set("inputMasks", input_masks);
        self.set("repaintingScale", repainting_scale);
        self.extra(extra);
    }

    fn refiner(&mut self, refiner: &'a Refiner) {
        let Refiner { model, start_step, start_step_percentage, extra } = refiner;
        self.set("model", model);
        self.set("startStep", start_step);
        self.set("startStepPercentage", start_step_percentage);
        self.extra(extra);
    }

    fn embedding(&mut self, embedding: &'a Embedding) {
        let Embedding { model, weight, extra } = embedding;
        self.set("model", model);
        self.set("weight", weight);
        self.extra(extra);
    }

    fn control_net(&mut self, control: &'a ControlNet) {
        let ControlNet {
            model,
            guide_image,
            weight,
            start_step,
            start_step_percentage,
            end_step,
            end_step_percentage,
            control_mode,
            extra,
        } = control;
        self.set("model", model);
        self.set("guideImage", guide_image);
        self.set("weight", weight);
        self.set("startStep", start_step);
        self.set("startStepPercentage", start_step_percentage);
        self.set("endStep", end_step);
        self.set("endStepPercentage", end_step_percentage);
        self.set("controlMode", control_mode);
        self.extra(extra);
    }

    fn lora(&mut self, lora: &'a Lora) {
        let Lora { model, weight, extra } = lora;
        self.set("model", model);
        self.set("weight", weight);
        self.extra(extra);
    }

    fn ip_adapter(&mut self, adapter: &'a IpAdapter) {
        let IpAdapter { model, guide_image, weight, extra } = adapter;
        self.set("model", model);
        self.set("guideImage", guide_image);
        self.set("weight", weight);
        self.extra(extra);
    }
}
