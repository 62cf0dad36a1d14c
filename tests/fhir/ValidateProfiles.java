import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport.IssueSeverity;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r4.model.Resource;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

/** Validates FHIR R4 JSON files against the profiles that lie in a folder; one line per issue, tab-separated. */
public final class ValidateProfiles {

	private ValidateProfiles() {}

	public static void main(String[] args) throws IOException {
		FhirContext fhir = FhirContext.forR4();
		PrePopulatedValidationSupport profiles = new PrePopulatedValidationSupport(fhir);
		try (Stream<Path> files = Files.list(Path.of(args[0])).sorted()) {
			for (Path file : files.toList()) {
				profiles.addResource((Resource) fhir.newJsonParser().parseResource(Files.readString(file)));
			}
		}
		UnknownCodeSystemWarningValidationSupport unknown = new UnknownCodeSystemWarningValidationSupport(fhir);
		unknown.setNonExistentCodeSystemSeverity(IssueSeverity.WARNING);
		FhirInstanceValidator module = new FhirInstanceValidator(new ValidationSupportChain(
				profiles,
				new DefaultProfileValidationSupport(fhir),
				new InMemoryTerminologyServerValidationSupport(fhir),
				new CommonCodeSystemsTerminologyService(fhir),
				new SnapshotGeneratingValidationSupport(fhir),
				unknown));
		module.setAnyExtensionsAllowed(true);
		module.setErrorForUnknownProfiles(true);
		module.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
		FhirValidator validator = fhir.newValidator().registerValidatorModule(module);
		int errors = 0;
		for (String name : List.of(args).subList(1, args.length)) {
			String text = Files.readString(Path.of(name));
			for (SingleValidationMessage issue : validator.validateWithResult(text).getMessages()) {
				boolean error = issue.getSeverity().ordinal() >= ResultSeverityEnum.ERROR.ordinal();
				errors += error ? 1 : 0;
				String message = String.valueOf(issue.getMessage()).replaceAll("\\s+", " ");
				System.out.println(String.join(
						"\t", issue.getSeverity().getCode(), String.valueOf(issue.getLocationString()), message, name));
			}
		}
		System.out.println((args.length - 1) + " files, " + errors + " errors");
	}
}
