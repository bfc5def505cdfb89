import Inference

/// Why a recipe is not understood: one line per fault, each with the place, the key's whole path and what helps.
public typealias RecipeError = ConfigurationError
