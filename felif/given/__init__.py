"""What users give: kinds of arguments, functions of time, parameters of models, and how they are told apart."""
